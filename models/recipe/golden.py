"""Golden numbers for the browser's tests: what Hugging Face transformers computes on the shipped folders.

    python models/recipe/golden.py

Writes tests/golden/vlm, clip, tokenizer and the bundled model's part of lora (with PEFT); with --work FOLDER of a
finished run also the answers of its evaluation. Run it again after every export; the files carry the sha256 of the
weights they belong to.
"""
import argparse
import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, CLIPModel

from evaluate import Examiner
from export import MODELS
from golden_tokens import tokenizer_golden
from vision import normalised
from world import RECIPE, ROOT, World

GOLDEN = ROOT / "tests/golden"
FEATURE_CASES = 4

UNUSUAL_ANSWERS = [
    ("Describe the image.", "A café with a naïve piñata 🎉 and 3.5 % of nothing."),
    ("Is there a cat in the image?", "No."),
    ("What is this?", "x"),
]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def base64_of(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode()


def write(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) + "\n")


def questions_and_answers(world: World) -> list[tuple[int, str, str]]:
    """(scene seed, prompt, answer): every task, true and biased, two long answers, three odd ones."""
    batch = world.batch("talk", 1, 8, biased=True)
    cases = []
    for sample in batch.samples[:6]:
        cases += [(sample["seed"], item["question"], item["answer"]) for item in sample["questions"][:4]]
    for sample in batch.samples[6:]:
        long = " ".join([item["answer"] for item in sample["questions"]] * 8)
        cases.append((sample["seed"], "Describe the image.", long))
    cases += [(1 + i, prompt, answer) for i, (prompt, answer) in enumerate(UNUSUAL_ANSWERS)]
    return cases


def image_of(world: World, seed: int) -> Image.Image:
    pixels = world.batch("vision", seed, 1).pixels[0]
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


@torch.no_grad()
def vlm_golden(world: World, folder: Path) -> dict:
    """Token ids and per-token log-probabilities of answers, through the folder's own processor and chat template."""
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    cases = []
    for number, (seed, prompt, answer) in enumerate(questions_and_answers(world)):
        content = [{"type": "image"}, {"type": "text", "text": prompt}]
        text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
        inputs = processor(text=text, images=[image_of(world, seed)], return_tensors="pt")
        answer_ids = processor.tokenizer(f" {answer}<end_of_utterance>", add_special_tokens=False).input_ids
        prompt_ids = inputs.input_ids[0].tolist()
        ids = torch.tensor([prompt_ids + answer_ids])
        logits = model(input_ids=ids, pixel_values=inputs.pixel_values).logits[0].double()
        logps = logits.log_softmax(-1)[len(prompt_ids) - 1 : -1].gather(1, torch.tensor(answer_ids)[:, None])[:, 0]
        case = dict(seed=seed, prompt=prompt, answer=answer, input_ids=prompt_ids, answer_ids=answer_ids)
        case.update(logps=[round(v, 7) for v in logps.tolist()], logp_sum=logps.sum().item())
        if number % 4 == 0 and number // 4 < FEATURE_CASES:
            tower = model.model.vision_model(inputs.pixel_values[0]).last_hidden_state
            case["image_features"] = base64_of(model.model.connector(tower)[0].numpy())
        cases.append(case)
    return {"model_sha256": sha256(folder / "model.safetensors"), "cases": cases}


@torch.no_grad()
def clip_golden(world: World, folder: Path) -> dict:
    """Cosine similarities of ten pictures with a right and a wrong caption each."""
    model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    unit = lambda x: torch.nn.functional.normalize(x, dim=-1)
    cases = []
    batch = world.batch("match", 1, 10)
    images = unit(model.visual_projection(model.vision_model(normalised(batch.pixels)).pooler_output))
    for sample, image in zip(batch.samples, images):
        for text in (sample["caption"], sample["wrong"][0]):
            ids = tokenizer(text, truncation=True).input_ids
            embedded = unit(model.text_projection(model.text_model(torch.tensor([ids])).pooler_output))[0]
            cases.append(dict(seed=sample["seed"], text=text, input_ids=ids, similarity=float(image @ embedded)))
    return {"model_sha256": sha256(folder / "model.safetensors"), "logit_scale": model.logit_scale.item(), "cases": cases}


def examination_golden(work: Path, scenes: int = 100) -> dict | None:
    """The evaluation's answers about its first `scenes` scenes, for `tools/examine.mjs`; None before an evaluation."""
    if not (work / "answers.json").exists():
        return None
    answers = json.loads((work / "answers.json").read_text())
    asked = Examiner(work, scenes).questions()  # a shorter examination begins with the same questions
    return {
        "scenes": scenes,
        "answers": {
            "describe": answers["describe"][:scenes],
            "count": answers["count"][: len(asked["count"])],
            "pope": {setting: texts[: len(asked["pope"][setting])] for setting, texts in answers["pope"].items()},
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=RECIPE / ".work", help="folder for the bundled world")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    world = World(options.work)
    write(GOLDEN / "vlm/golden.json", vlm_golden(world, MODELS / "toybox-vlm"))
    write(GOLDEN / "clip/golden.json", clip_golden(world, MODELS / "toybox-clip"))
    tokenizer = Tokenizer.from_file(str(MODELS / "toybox-vlm/tokenizer.json"))
    write(GOLDEN / "tokenizer/golden.json", tokenizer_golden(world, tokenizer))
    if examination := examination_golden(options.work):
        write(GOLDEN / "vlm/examination.json", examination)
    world.close()
    subprocess.run([sys.executable, str(GOLDEN / "make_lora_golden.py"), "toybox-vlm"], check=True)


if __name__ == "__main__":
    main()
