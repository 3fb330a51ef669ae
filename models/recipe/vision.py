"""The vision tower's warm-up: naming the noun under each patch before any language is involved.

Without this signal a small VLM trained on captions alone stays blind for a long
time; with it, recall rises within minutes.
"""
import torch
import torch.nn.functional as F
from torch import nn
from transformers import Idefics3VisionConfig
from transformers.models.idefics3.modeling_idefics3 import Idefics3VisionTransformer

from settings import Settings
from training import train
from world import PATCHES, World

BACKGROUND_WEIGHT = 0.3


def normalised(pixels) -> torch.Tensor:
    """uint8 [n, 3, 128, 128] to the range -1..1, as the shipped image processors do."""
    return torch.tensor(pixels).float().div_(127.5).sub_(1)


def tower_forward(tower: nn.Module, pixel_values: torch.Tensor) -> torch.Tensor:
    """Patch features of an Idefics3 vision tower; the same arithmetic as its own forward for full images.

    The patch convolution is written as a matrix product, whose gradient is several times faster on a CPU.
    """
    convolution = tower.embeddings.patch_embedding
    size = convolution.kernel_size[0]
    count, channels, height, width = pixel_values.shape
    grid = pixel_values.view(count, channels, height // size, size, width // size, size)
    patches = grid.permute(0, 2, 4, 1, 3, 5).reshape(count, PATCHES, -1)
    embedded = F.linear(patches, convolution.weight.flatten(1), convolution.bias)
    hidden = embedded + tower.embeddings.position_embedding.weight.to(embedded.dtype)
    for layer in tower.encoder.layers:
        hidden = layer(hidden, None)
    return tower.post_layernorm(hidden)


class PatchHead(nn.Module):
    """For each patch: which noun it shows and where the centre of that object is."""

    def __init__(self, width: int, nouns: int):
        super().__init__()
        self.classify = nn.Linear(width, nouns + 1)
        self.locate = nn.Linear(width, 2)
        self.present = nn.Linear(width, nouns)
        self.nouns = nouns

    def forward(self, features: torch.Tensor, batch) -> dict:
        """Losses for a batch of patch features [n, 64, width]."""
        targets = torch.tensor(batch.patch_nouns).long()
        offsets = torch.tensor(batch.patch_offsets).float() / 16
        logits = self.classify(features).float()
        weights = torch.ones(self.nouns + 1)
        weights[self.nouns] = BACKGROUND_WEIGHT
        naming = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), weights)
        shown = targets < self.nouns
        locating = F.smooth_l1_loss(self.locate(features).float()[shown], offsets[shown])
        there = F.one_hot(targets, self.nouns + 1).amax(1)[:, : self.nouns].float()
        pooled = self.present(features.mean(1)).float()
        listing = F.binary_cross_entropy_with_logits(pooled, there) * 10
        right = (logits.argmax(-1) == targets)[shown].float().mean()
        loss = naming + 0.5 * locating + 0.3 * listing
        return {"loss": loss, "naming": naming, "locating": locating, "listing": listing, "patches_right": right}


class WarmTower(nn.Module):
    """A vision tower with the patch head on top."""

    def __init__(self, tower: nn.Module, nouns: int):
        super().__init__()
        self.tower = tower
        self.head = PatchHead(tower.config.hidden_size, nouns)
        assert tower.embeddings.num_patches == PATCHES

    def losses(self, batch) -> dict:
        return self.head(tower_forward(self.tower, normalised(batch.pixels)), batch)


def make_tower(settings: Settings) -> Idefics3VisionTransformer:
    """A fresh tower. Eager attention: for 64 patches it trains twice as fast on a CPU as the fused kernel."""
    config = Idefics3VisionConfig(**settings.vision)
    config._attn_implementation = "eager"
    return Idefics3VisionTransformer(config)


def run_warmup(settings: Settings, world: World, work) -> dict:
    """Stage 1: trains the tower; the checkpoint `warmup.pt` starts both the VLM and CLIP."""
    stage = settings.warmup
    model = WarmTower(make_tower(settings), len(world.nouns()))

    def batches(skip):
        return world.stream("vision", stage.seed, stage.batch, stage.steps, skip)

    return train("warmup", model, stage, batches, model.losses, settings, work)
