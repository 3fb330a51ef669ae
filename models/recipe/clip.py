"""toybox-clip: a CLIP whose image tower starts from the warmed-up one, trained to tell right captions from almost right ones."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPConfig, CLIPModel

import tokens
from settings import VOCABULARY, Settings
from training import train
from vision import PatchHead, normalised
from world import Batch, World

LONGEST_TEXT = 40
PATCH_LOSS_WEIGHT = 0.2
HIGHEST_SCALE = 4.6  # exp(4.6) = 100, CLIP's own limit


def make_clip(settings: Settings) -> CLIPModel:
    """The model with fresh weights; eager attention trains fastest at these sizes on a CPU."""
    vision = dict(settings.vision, hidden_act="gelu_pytorch_tanh", projection_dim=settings.clip_projection)
    text = dict(
        settings.clip_text,
        vocab_size=VOCABULARY,
        max_position_embeddings=LONGEST_TEXT,
        hidden_act="gelu_pytorch_tanh",
        projection_dim=settings.clip_projection,
        bos_token_id=tokens.START_ID,
        eos_token_id=tokens.END_ID,
        pad_token_id=tokens.PAD_ID,
    )
    config = CLIPConfig(
        vision_config=vision,
        text_config=text,
        projection_dim=settings.clip_projection,
        logit_scale_init_value=2.0,
        attn_implementation="eager",
    )
    return CLIPModel(config)


class Texts:
    """Adds to each batch the token ids of one right and several wrong captions per picture."""

    def __init__(self, tokenizer):
        self.tokenizer = tokens.with_ends(tokenizer)
        self.tokenizer.enable_truncation(LONGEST_TEXT)
        self.tokenizer.enable_padding(pad_id=tokens.PAD_ID, pad_token=tokens.PAD)

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.array([encoding.ids for encoding in self.tokenizer.encode_batch(texts)])

    def __call__(self, batch: Batch) -> Batch:
        right = [sample["caption"] for sample in batch.samples]
        wrong = [text for sample in batch.samples for text in sample["wrong"]]
        batch.ids = self.encode(right + wrong)
        return batch


class MatchingModel(nn.Module):
    """CLIP with the patch head that keeps the image tower attentive to every object."""

    def __init__(self, settings: Settings, nouns: int):
        super().__init__()
        self.clip = make_clip(settings)
        self.head = PatchHead(settings.vision["hidden_size"], nouns)

    def start_from(self, warm: dict) -> None:
        """Takes over the warmed tower: blocks as they are, patch bias folded into the positions."""
        tower = self.clip.vision_model
        named = {k[6:]: v for k, v in warm.items() if k.startswith("tower.")}
        blocks = {k[len("encoder.") :]: v for k, v in named.items() if k.startswith("encoder.")}
        tower.encoder.load_state_dict(blocks)
        with torch.no_grad():
            tower.embeddings.patch_embedding.weight.copy_(named["embeddings.patch_embedding.weight"])
            bias = named["embeddings.patch_embedding.bias"]
            tower.embeddings.position_embedding.weight[1:] = named["embeddings.position_embedding.weight"] + bias
            tower.post_layernorm.weight.copy_(named["post_layernorm.weight"])
            tower.post_layernorm.bias.copy_(named["post_layernorm.bias"])
        self.head.load_state_dict({k[5:]: v for k, v in warm.items() if k.startswith("head.")})

    def losses(self, batch: Batch) -> dict:
        clip = self.clip
        seen = clip.vision_model(pixel_values=normalised(batch.pixels))
        images = F.normalize(clip.visual_projection(seen.pooler_output).float(), dim=-1)
        read = clip.text_model(input_ids=torch.tensor(batch.ids)).pooler_output
        texts = F.normalize(clip.text_projection(read).float(), dim=-1)
        count = len(images)
        right, wrong = texts[:count], texts[count:].view(count, -1, texts.shape[-1])
        scale = clip.logit_scale.clamp(max=HIGHEST_SCALE).exp()
        near = torch.einsum("nd,nkd->nk", images, wrong)
        across = images @ right.T
        target = torch.arange(count)
        naming = F.cross_entropy(scale * torch.cat([across, near], 1), target)
        finding = F.cross_entropy(scale * across.T, target)
        patches = clip.vision_model.post_layernorm(seen.last_hidden_state[:, 1:])
        seeing = self.head(patches, batch)
        own = across.diagonal()
        return {
            "loss": naming + 0.5 * finding + PATCH_LOSS_WEIGHT * seeing["loss"],
            "naming": naming,
            "finding": finding,
            "first": (across.argmax(1) == target).float().mean(),
            "above_added": (own > near[:, 0]).float().mean(),
            "above_all": (own[:, None] > near).float().mean(),
            "scale": scale,
        }


def run_match(settings: Settings, world: World, work) -> dict:
    """Stage 5: contrast within the batch plus, for every picture, captions with one thing wrong."""
    stage = settings.match
    model = MatchingModel(settings, len(world.nouns()))
    model.start_from(torch.load(work / "warmup.pt", weights_only=False)["model"])
    texts = Texts(tokens.load_tokenizer(work))

    def batches(skip):
        return world.stream("match", stage.seed, stage.batch, stage.steps, skip, prepare=texts)

    return train("match", model, stage, batches, model.losses, settings, work)
