"""What transformers and Pillow make of the pictures in tests/golden/pixels: the pixels, and log-probabilities of answers.

    python tests/golden/make_pixels_golden.py

Writes tests/golden/pixels.json. Needs transformers 5 without torchvision (so that the processors are Pillow's), Pillow
13 and torch. A picture is opened with Pillow, turned upright by its EXIF as `transformers.image_utils.load_image` and
`datasets.Image` do, and given to the processor, which puts transparency over white. (`load_image` itself drops the alpha
channel of a file given by its path; for all opaque pictures both are the same, which is asserted here.)
"""
import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import PIL
import torch
import transformers
from PIL import Image, ImageOps
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor
from transformers.image_transforms import convert_to_rgb
from transformers.image_utils import load_image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

warnings.filterwarnings("ignore", message="Palette images")
ROOT = Path(__file__).parents[2]
PICTURES = Path(__file__).parent / "pixels"

# As in configs of the Hub, and the branches that these two folders do not reach.
CONFIGS = {
    "smolvlm": {"size": {"longest_edge": 2048}, "max_image_size": {"longest_edge": 512}, "do_image_splitting": False,
                "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "resample": 1},
    "idefics3-above-4096": {"size": {"longest_edge": 5000}, "max_image_size": {"longest_edge": 64},
                            "do_image_splitting": False},
    "idefics3-no-first": {"do_resize": False, "max_image_size": {"longest_edge": 96}, "do_image_splitting": False},
    "clip-openai": {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224},
                    "image_processor_type": "CLIPImageProcessor"},
    "clip-crop-larger": {"size": {"shortest_edge": 40}, "crop_size": {"height": 61, "width": 56}, "resample": 2,
                         "image_processor_type": "CLIPImageProcessor"},
}
ON_EVERY_PICTURE = ["toybox-vlm", "toybox-clip"]
ON_A_FEW = ["rgb-160x90.png", "rgb-90x160.png", "rgb-37x53.png", "rgb-480x640.png", "rgb-1x1.png", "rgb-4000x20.png",
            "photo-chelsea.png"]
HEAVY = ["idefics3-above-4096"]
ON_RIBBONS = ["rgb-4000x20.png", "rgb-20x4000.png", "rgb-3x300.png"]

PROMPT = "What does the picture show?"
ANSWER = "This is a picture of a basketball against a blue sky."
SCORED = ["sq128.png", "wide.png", "exif6.webp", "exif-6-large.jpg", "cmyk.jpg", "p3-large.jpg", "palette-alpha.png",
          "rgb-480x640.png", "rgb-20x4000.png"]


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def upright(path: Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path))


def processors() -> dict:
    named = {name: AutoImageProcessor.from_pretrained(ROOT / "models" / name) for name in ON_EVERY_PICTURE}
    for name, config in CONFIGS.items():
        kind = CLIPImageProcessorPil if name.startswith("clip") else Idefics3ImageProcessorPil
        named[name] = kind(**{key: value for key, value in config.items() if key != "image_processor_type"})
    assert all(type(one).__name__.endswith("Pil") for one in named.values())
    return named


def pixel_golden(path: Path, named: dict) -> dict:
    image = upright(path)
    rgb = convert_to_rgb(image, return_numpy=True)
    transparent = "A" in image.getbands() or "transparency" in image.info
    assert transparent or (rgb == np.array(load_image(str(path)))).all(), path
    entry = {"size": [rgb.shape[1], rgb.shape[0]], "rgb": sha256(rgb), "pixel_values": {}}
    for name, processor in named.items():
        if name not in ON_EVERY_PICTURE and path.name not in (ON_RIBBONS if name in HEAVY else ON_A_FEW):
            continue
        values = processor(images=image, return_tensors="np")["pixel_values"]
        values = np.asarray(values, np.float32).reshape(values.shape[-3:])
        samples = np.linspace(0, values.size - 1, 9).astype(int)
        entry["pixel_values"][name] = {
            "sha256": sha256(values),
            "samples": {str(at): float(values.reshape(-1)[at]) for at in samples},
        }
    return entry


@torch.no_grad()
def score_golden() -> list[dict]:
    folder = ROOT / "models/toybox-vlm"
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    content = [{"type": "image"}, {"type": "text", "text": PROMPT}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    answer = processor.tokenizer(f" {ANSWER}<end_of_utterance>", add_special_tokens=False, return_tensors="pt").input_ids
    cases = []
    photos = sorted(path.name for path in PICTURES.glob("photo-*"))
    for name in SCORED + photos:
        inputs = processor(text=text, images=[upright(PICTURES / name)], return_tensors="pt")
        length = inputs.input_ids.shape[1]
        ids = torch.cat([inputs.input_ids, answer], 1)
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=inputs.pixel_values,
                       pixel_attention_mask=inputs.pixel_attention_mask).logits
        logps = torch.log_softmax(logits[0, length - 1 : -1].float(), -1).gather(1, answer[0][:, None])[:, 0]
        print(f"{name:24} {logps.sum().item():.5f}")
        cases.append({"picture": name, "logps": logps.tolist()})
    return cases


if __name__ == "__main__":
    named = processors()
    golden = {
        "versions": {"transformers": transformers.__version__, "pillow": PIL.__version__},
        "model_sha256": hashlib.sha256((ROOT / "models/toybox-vlm/model.safetensors").read_bytes()).hexdigest(),
        "configs": CONFIGS,
        "pictures": {path.name: pixel_golden(path, named) for path in sorted(PICTURES.iterdir())},
        "prompt": PROMPT,
        "answer": ANSWER,
        "scores": score_golden(),
    }
    target = PICTURES.parent / "pixels.json"
    target.write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{len(golden['pictures'])} pictures, {target.stat().st_size:,} bytes")
