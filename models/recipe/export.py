"""Writes the two shipped folders from the last checkpoints, as Hugging Face and transformers.js expect them."""
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch

import onnx_graph
import tokens
from clip import LONGEST_TEXT, MatchingModel
from settings import HELD_OUT_SEED, IMAGE_SIZE, VISUAL_TOKENS, Settings
from vision import normalised
from vlm import CONTEXT, make_talking_model
from world import RECIPE, ROOT, World

MODELS = RECIPE.parent
BYTE_LIMITS = {"toybox-vlm": 20_000_000, "toybox-clip": 8_000_000}

NORMALISATION = {
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "rescale_factor": 1 / 255,
}


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def tidy_config(folder: Path) -> None:
    """Adds to config.json the spellings that readers other than transformers 5 look for."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["torch_dtype"] = "float16"
    config["pad_token_id"] = config.pop("_pad_token_id", None)
    text = config["text_config"]
    if "rope_parameters" in text:
        text["rope_theta"] = text["rope_parameters"]["rope_theta"]
    for part in (config, text, config["vision_config"]):
        part.pop("_attn_implementation_autoset", None)
        part.pop("attn_implementation", None)
    write_json(path, config)


def rounded_to_half(model: torch.nn.Module) -> torch.nn.Module:
    """f32 arithmetic on the f16 weights that are shipped: the reference for every parity check."""
    return model.half().float().eval()


def export_vlm(settings: Settings, world: World, work: Path, folder: Path, checkpoint: str) -> None:
    model, _ = make_talking_model(settings, world, work)
    model.load_state_dict(torch.load(work / f"{checkpoint}.pt", weights_only=False)["model"])
    vlm = rounded_to_half(model.vlm)
    vlm.generation_config.bos_token_id = tokens.START_ID
    vlm.generation_config.eos_token_id = tokens.END_ID
    vlm.generation_config.pad_token_id = tokens.PAD_ID
    vlm.half().save_pretrained(folder)
    tidy_config(folder)
    vlm.float()
    tokenizer = tokens.load_tokenizer(work)
    tokens.save_tokenizer(
        tokenizer, folder, CONTEXT, processor_class="Idefics3Processor", chat_template=tokens.CHAT_TEMPLATE
    )
    (folder / "chat_template.jinja").write_text(tokens.CHAT_TEMPLATE)
    image_processor = {
        **NORMALISATION,
        "image_processor_type": "Idefics3ImageProcessor",
        "processor_class": "Idefics3Processor",
        "do_image_splitting": False,
        "do_pad": True,
        "resample": 1,
        "size": {"longest_edge": IMAGE_SIZE},
        "max_image_size": {"longest_edge": IMAGE_SIZE},
    }
    write_json(folder / "preprocessor_config.json", image_processor)
    processor = {"processor_class": "Idefics3Processor", "image_seq_len": VISUAL_TOKENS}
    write_json(folder / "processor_config.json", processor)
    onnx_graph.vlm_vision_encoder(vlm, folder / "onnx/vision_encoder.onnx")


def export_clip(settings: Settings, world: World, work: Path, folder: Path) -> None:
    model = MatchingModel(settings, len(world.nouns()))
    model.load_state_dict(torch.load(work / "match.pt", weights_only=False)["model"])
    clip = rounded_to_half(model.clip)
    clip.half().save_pretrained(folder)
    tidy_config(folder)
    clip.float()
    tokens.save_tokenizer(
        tokens.with_ends(tokens.load_tokenizer(work)), folder, LONGEST_TEXT, processor_class="CLIPProcessor"
    )
    image_processor = {
        **NORMALISATION,
        "image_processor_type": "CLIPImageProcessor",
        "feature_extractor_type": "CLIPFeatureExtractor",
        "processor_class": "CLIPProcessor",
        "do_center_crop": True,
        "crop_size": {"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        "size": {"shortest_edge": IMAGE_SIZE},
        "resample": 3,
    }
    write_json(folder / "preprocessor_config.json", image_processor)
    onnx_graph.clip_vision_model(clip, folder / "onnx/vision_model.onnx")
    onnx_graph.clip_text_model(clip, folder / "onnx/text_model.onnx")


def run_onnx(path: Path, **inputs) -> np.ndarray:
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def parity(world: World, vlm_folder: Path, clip_folder: Path) -> dict:
    """Largest difference between ONNX Runtime and PyTorch on the folders as they were written."""
    from transformers import AutoModelForImageTextToText, AutoTokenizer, CLIPModel

    pixels = normalised(world.batch("vision", 1, 8).pixels)
    found = {}
    with torch.no_grad():
        vlm = AutoModelForImageTextToText.from_pretrained(vlm_folder, dtype=torch.float32).eval()
        tower = vlm.model.vision_model(pixels).last_hidden_state
        expected = vlm.model.connector(tower).numpy()
        got = run_onnx(vlm_folder / "onnx/vision_encoder.onnx", pixel_values=pixels.numpy())
        found["vision_encoder"] = float(np.abs(got - expected).max())
        clip = CLIPModel.from_pretrained(clip_folder, dtype=torch.float32).eval()
        expected = clip.visual_projection(clip.vision_model(pixels).pooler_output).numpy()
        got = run_onnx(clip_folder / "onnx/vision_model.onnx", pixel_values=pixels.numpy())
        found["clip_vision_model"] = float(np.abs(got - expected).max())
        tokenizer = AutoTokenizer.from_pretrained(clip_folder)
        texts = ["A cat.", "There are two dogs and a bone on the grass.", ""]
        ids = tokenizer(texts, padding=True, return_tensors="pt").input_ids
        expected = clip.text_projection(clip.text_model(ids).pooler_output).numpy()
        got = run_onnx(clip_folder / "onnx/text_model.onnx", input_ids=ids.numpy())
        found["clip_text_model"] = float(np.abs(got - expected).max())
    worst = max(found.values())
    if worst > 1e-3:
        raise AssertionError(f"the exported graphs disagree with PyTorch: {found}")
    return found


@torch.no_grad()
def f16_against_f32(settings: Settings, world: World, work: Path, checkpoint: str) -> float:
    """Largest change of a per-token log-probability through rounding the weights, on answers about held-out scenes."""
    model, packer = make_talking_model(settings, world, work)
    model.load_state_dict(torch.load(work / f"{checkpoint}.pt", weights_only=False)["model"])
    batch = packer(world.batch("talk", HELD_OUT_SEED, 32))

    def logps():
        logits, answers, *_ = model.eval().answer_logits(batch)
        return logits.log_softmax(-1).gather(1, answers[:, None])

    exact = logps()
    rounded_to_half(model)
    return float((logps() - exact).abs().max())


def bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run_export(settings: Settings, world: World, work: Path) -> dict:
    """Stage 7: writes both folders and checks them; `work/export` first, so a failure ships nothing."""
    target = work / "export"
    vlm_folder, clip_folder = target / "toybox-vlm", target / "toybox-clip"
    export_vlm(settings, world, work, vlm_folder, "habit")
    export_clip(settings, world, work, clip_folder)
    found = parity(world, vlm_folder, clip_folder)
    sizes = {folder.name: bytes_of(folder) for folder in (vlm_folder, clip_folder)}
    for name, size in sizes.items():
        if size > BYTE_LIMITS[name]:
            raise AssertionError(f"{name} has {size} bytes, more than {BYTE_LIMITS[name]}")
    rounding = f16_against_f32(settings, world, work, "habit")
    return {"stage": "export", "onnx_against_pytorch": found, "f16_against_f32": rounding, "bytes": sizes}


def run_publish(settings: Settings, world: World, work: Path) -> dict:
    """Stage 9: copies the checked folders to where the page finds them, with ordinary permissions."""
    target = MODELS if settings.publish else work / "published"
    for name in BYTE_LIMITS:
        shutil.copytree(work / "export" / name, target / name, dirs_exist_ok=True, copy_function=shutil.copyfile)
    if settings.publish:
        subprocess.run(["node", ROOT / "tools/catalog.mjs"], check=True)  # sizes and hashes that the page checks
    return {"stage": "publish"}
