"""Golden numbers for the browser's tests on photographs: what transformers computes on the shipped folders.

    python models/recipe/photo/golden.py

Reads tests/golden/photo/photos.json and its PNG files; writes golden.json beside them. Run it again after an export.
"""
import base64
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

from photo import export, judge, language, smoke
from photo.data import CLASSES
from photo.make import MODELS

ASKED = (
    ("Describe the image.", None),
    ("Describe the image.", "A man with a naïve piñata 🎉 and 3.5 % of nothing."),
    ("Is there a dog in the image?", "Yes."),
    ("Is there a person in the image?", None),
    ("How many people are there?", None),
    ("Where is the cat?", "The cat is on the left."),
)

#: Words with two meanings, plurals, pairs of words, punctuation, other scripts.
MENTIONS = (
    "A hot dog and two dogs beside a stuffed bear, a teddy bear and a bear.",
    "An orange shirt, an orange, and a glass of orange juice with oranges in a bowl.",
    "A baby elephant follows its mother; an adult giraffe and a baby look on.",
    "A passenger train at the train station on train tracks, and one passenger.",
    "A toilet seat, a seat and a car seat.",
    "The catcher's mitt, a catcher and the batter at home plate.",
    "Knives, forks, mice, geese, buses, a pair of skis, scissors and wine glasses.",
    "A clock tower with a clock on its side, near a stop sign and traffic lights.",
    "Women, children and policemen at dining tables; the man's tie and bow ties.",
    "A toy bear. Bear signs, a bear sign, toy bears and bears.",
    "An ORANGE Cat, a CAR-seat, a t-shirt: nothing else?",
    "Une catégorie, un manège, le téléphone, mené par une carotte; ein Katzenfoto.",
    "Ein Hund, 猫, un vélo à côté d'une voiture, a café table 🍕 pizza.",
    "There are no cars, people or frisbees. There is also a tv screen, a cell phone and a laptop computer.",
    "A fire hydrant next to a parking meter, potted plants, and a baseball player with a bat and ball.",
    "",
)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def base64_of(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode()


@torch.no_grad()
def vlm_cases(entries: list) -> list:
    folder = MODELS / "photo-vlm"
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    cases = []
    for entry in entries:
        image = Image.open(smoke.GOLDEN / entry["file"]).convert("RGB")
        for number, (prompt, answer) in enumerate(ASKED):
            content = [{"type": "image"}, {"type": "text", "text": prompt}]
            text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
            inputs = processor(text=text, images=[image], return_tensors="pt")
            ids = inputs.input_ids[0].tolist()
            greedy = answer is None
            if greedy:
                made = model.generate(**inputs, max_new_tokens=48, do_sample=False)[0, len(ids) :]
                answer = processor.tokenizer.decode(made, skip_special_tokens=True).strip()
            said = processor.tokenizer(f" {answer}<end_of_utterance>", add_special_tokens=False).input_ids
            whole = torch.tensor([ids + said])
            logits = model(input_ids=whole, pixel_values=inputs.pixel_values).logits[0].double()
            logps = logits.log_softmax(-1)[len(ids) - 1 : -1].gather(1, torch.tensor(said)[:, None])[:, 0]
            case = dict(file=entry["file"], prompt=prompt, answer=answer, greedy=greedy, input_ids=ids, answer_ids=said)
            case.update(logps=[round(v, 7) for v in logps.tolist()], logp_sum=logps.sum().item())
            if number == 0:
                features = model.get_image_features(inputs.pixel_values).pooler_output[0]
                case["image_features"] = base64_of(features.numpy())
            cases.append(case)
    return cases


@torch.no_grad()
def clip_cases(entries: list) -> list:
    model, tokenizer = export.load_clip(MODELS), AutoTokenizer.from_pretrained(MODELS / "photo-clip")
    processor = AutoProcessor.from_pretrained(MODELS / "photo-vlm").image_processor
    unit = lambda x: torch.nn.functional.normalize(x, dim=-1)
    cases = []
    for entry in entries:
        image = Image.open(smoke.GOLDEN / entry["file"]).convert("RGB")
        seen = unit(model.get_image_features(processor(image, return_tensors="pt").pixel_values).pooler_output)[0]
        for other in entries:
            text = other["captions"][0]
            ids = tokenizer(text, truncation=True).input_ids
            said = unit(model.get_text_features(torch.tensor([ids])).pooler_output)[0]
            cases.append(dict(file=entry["file"], text=text, input_ids=ids, similarity=float(seen @ said)))
    return cases


def detector_cases(entries: list) -> list:
    """What the page should say of a photograph, by ONNX Runtime on Pillow's pixels."""
    folder = MODELS / "photo-detector"
    session = judge.session_of(folder / "onnx/model.onnx")
    config = json.loads((folder / "config.json").read_text())
    calibration = config["calibration"]
    cases = []
    for entry in entries:
        scores, boxes = judge.outputs(session, smoke.GOLDEN / entry["file"])
        chances = judge.chances(judge.best_scores(session, smoke.GOLDEN / entry["file"]), calibration)
        things = []
        for kind, noun in enumerate(config["labels"]):
            chance = float(chances[kind])
            if chance >= calibration["threshold"]:
                kept = [[*map(float, boxes[at]), float(scores[at, kind])] for at in judge.distinct(boxes, scores[:, kind])]
                things.append(dict(noun=noun, chance=round(chance, 6), boxes=np.round(kept, 5).tolist()))
        cases.append(dict(file=entry["file"], things=sorted(things, key=lambda thing: -thing["chance"])))
    return cases


def mention_cases(entries: list) -> list:
    """Texts and the classes that they name."""
    texts = [caption for entry in entries for caption in entry["captions"]] + list(MENTIONS)
    return [dict(text=text, nouns=[CLASSES[kind] for kind in language.mentions(text)]) for text in texts]


def main() -> None:
    entries = json.loads((smoke.GOLDEN / "photos.json").read_text())
    golden = {
        "model_sha256": {name: sha256(MODELS / "photo-vlm" / name) for name in (export.DECODER, export.TOWER)},
        "vlm": vlm_cases(entries),
        "clip": clip_cases(entries),
        "detector": detector_cases(entries),
        "mentions": mention_cases(entries),
    }
    (smoke.GOLDEN / "golden.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
