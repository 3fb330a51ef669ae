"""What the exported folders do on held-out pictures. Metrics as in src/preference/metrics, over COCO's 80 classes.

    python models/recipe/photo/make.py --stages evaluate

Greedy decoding in f32 on the shipped f16 weights. The truth of CHAIR is labels ∪ classes in the captions.
"""
import json
import random
import re
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from PIL import Image
from tokenizers import Tokenizer
from transformers import AutoModelForImageTextToText, VisionTextDualEncoderModel

from photo import backbone, export, judge, language, match, tail, tokens
from photo.data import CLASSES

BATCH, LONGEST = 50, 48
CHAIR_PICTURES = 500
SETTINGS = ("random", "popular", "adversarial")


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    if image.size != (backbone.IMAGE_SIZE,) * 2:
        image = image.resize((backbone.IMAGE_SIZE,) * 2, Image.Resampling.BICUBIC)
    return ((np.asarray(image, np.float32) / 255 - backbone.MEAN) / backbone.STD).transpose(2, 0, 1)


def looked_at(folder: Path, paths: list[Path]) -> tuple[torch.Tensor, np.ndarray]:
    """Visual tokens and unit image embeddings, by the ONNX graph that the page runs."""
    session = judge.session_of(folder / "photo-vlm/onnx/vision_encoder.onnx")
    features, embeds = [], []
    for start in range(0, len(paths), 16):
        x = np.stack([pixels_of(path) for path in paths[start : start + 16]]).astype(np.float32)
        seen, embed = session.run(["image_features", "image_embeds"], {"pixel_values": x})
        features.append(seen)
        embeds.append(embed)
    embeds = np.concatenate(embeds)
    return torch.from_numpy(np.concatenate(features)), embeds / np.linalg.norm(embeds, axis=1, keepdims=True)


class Answerer:
    """Answers of the exported VLM to (picture, question), greedy or sampled."""

    def __init__(self, folder: Path, features: torch.Tensor):
        self.model = AutoModelForImageTextToText.from_pretrained(folder / "photo-vlm", dtype=torch.float32).eval()
        self.tokenizer = Tokenizer.from_file(str(folder / "photo-vlm/tokenizer.json"))
        self.features = features
        self.encode = lambda text: self.tokenizer.encode(text, add_special_tokens=False).ids
        self.prefix = self.encode(tokens.PREFIX)

    def prompts(self, asked: list[tuple[int, str]]):
        rows = [self.prefix + self.encode(tokens.prompt_after_image(question)) for _, question in asked]
        length = max(map(len, rows))
        ids = torch.tensor([[tokens.PAD_ID] * (length - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
        embeds = self.model.model.language_model.embed_tokens(ids)
        embeds[ids == tokens.IMAGE_ID] = self.features[[picture for picture, _ in asked]].flatten(0, 1)
        return embeds, mask

    @torch.no_grad()
    def answers(self, asked: list[tuple[int, str]], longest: int = LONGEST, temperature: float = 0.0) -> list[str]:
        texts = []
        for start in range(0, len(asked), BATCH):
            embeds, mask = self.prompts(asked[start : start + BATCH])
            found = self.model.generate(
                inputs_embeds=embeds,
                attention_mask=mask,
                max_new_tokens=longest,
                do_sample=temperature > 0,
                temperature=temperature or None,
                top_k=0 if temperature else None,
                eos_token_id=tokens.END_ID,
                pad_token_id=tokens.PAD_ID,
            )
            texts += [self.tokenizer.decode(row.tolist(), skip_special_tokens=True).strip() for row in found]
        return texts

    @torch.no_grad()
    def says_yes(self, asked: list[tuple[int, str]]) -> list[bool]:
        """Whether the first answer token is Yes rather than anything else (a greedy answer begins with it)."""
        yes, found = self.encode(" Yes")[0], []
        for start in range(0, len(asked), 4 * BATCH):
            embeds, mask = self.prompts(asked[start : start + 4 * BATCH])
            positions = (mask.cumsum(1) - 1).clamp(min=0)
            hidden = self.model.model.language_model(inputs_embeds=embeds, attention_mask=mask, position_ids=positions).last_hidden_state
            found += (self.model.lm_head(hidden[:, -1]).argmax(-1) == yes).tolist()
        return found


def chair(texts: list[str], truths: list[set]) -> dict:
    said = wrong = bad = named = there = 0
    for text, truth in zip(texts, truths):
        found = language.mentions(text)
        missed = [kind for kind in found if kind not in truth]
        said, wrong, bad = said + len(found), wrong + len(missed), bad + bool(missed)
        named, there = named + len(set(found) & truth), there + len(truth)
    return {"chair_i": wrong / max(1, said), "chair_s": bad / len(texts), "cover": named / max(1, there), "mentions": said / len(texts)}


def pope(answerer: Answerer, pictures: list, train: list, seed: int) -> dict:
    """Per setting: as many questions about absent classes as about labelled ones, up to three each."""
    rng = random.Random(seed)
    rows = np.zeros((len(train), len(CLASSES)))
    for row, picture in zip(rows, train):
        row[picture["labels"]] = 1
    frequency, together = rows.sum(0), rows.T @ rows
    found = {}
    for setting in SETTINGS:
        asked, right = [], []
        for i, picture in enumerate(pictures):
            truth = judge.truth_of(picture)
            there = rng.sample(sorted(set(picture["labels"])), min(3, len(set(picture["labels"]))))
            absent = [kind for kind in range(len(CLASSES)) if kind not in truth]
            rng.shuffle(absent)
            if setting != "random":
                near = together[sorted(truth)].sum(0) if setting == "adversarial" else frequency * 0
                absent.sort(key=lambda kind: (-near[kind], -frequency[kind]))
            for kind, present in [(k, True) for k in there] + [(k, False) for k in absent[: len(there)]]:
                asked.append((i, f"Is there {language.article(CLASSES[kind])} in the image?"))
                right.append(present)
        said = answerer.says_yes(asked)
        right = np.array(right)
        found[setting] = {"accuracy": float((np.array(said) == right).mean()), "yes": float(np.mean(said)), "questions": len(asked)}
    return found


PEOPLE = {"man", "woman", "boy", "girl", "person", "people", "child", "lady", "guy", "player", "kid", "baby", "men", "women", "children"}


def lemma(word: str, nouns: set[str]) -> str:
    if word in PEOPLE or language.SPELLINGS.get(word) == 0:
        return "person"
    kind = language.SPELLINGS.get(word)
    if kind is not None:
        return CLASSES[kind]
    for end, put in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(end) and word[: -len(end)] + put in nouns:
            return word[: -len(end)] + put
    return word


def common_nouns(texts: list[str]) -> set[str]:
    """Words that stand between an article and a preposition, an `and` or a full stop often enough to be nouns."""
    before, after = {"a", "an", "the", "his", "her", "its", "their", "two", "of", "some"}, {
        "in", "on", "with", "and", "at", "of", "is", "are", ".", ",", "near", "by", "next", "while", "that", "to", "from", "under", "behind", "sitting", "standing",
    }
    seen: dict[str, list[int]] = {}
    for text in texts:
        words = language.words_of(text)
        for previous, word, following in zip(words, words[1:], words[2:]):
            if word.isalpha() and len(word) > 2:
                entry = seen.setdefault(word, [0, 0])
                entry[0] += 1
                entry[1] += previous in before and following in after
    return {word for word, (n, hits) in seen.items() if n >= 40 and hits / n > 0.25 and word not in tail.STOP}


def agreed_nouns(texts: list[str], pictures: list, nouns: set[str]) -> dict:
    """Of the nouns that two or more annotators use, how many the text has; and how many of its own nouns anyone uses."""
    of = lambda text: {lemma(w, nouns) for w in language.words_of(text) if w in nouns or w in language.SPELLINGS}
    hit = wanted = right = said = 0
    for text, picture in zip(texts, pictures):
        count: dict[str, int] = {}
        for caption in picture["captions"]:
            for noun in of(caption):
                count[noun] = count.get(noun, 0) + 1
        mine, agreed = of(text), {noun for noun, n in count.items() if n >= 2}
        hit, wanted = hit + len(mine & agreed), wanted + len(agreed)
        right, said = right + sum(noun in count for noun in mine), said + len(mine)
    return {"agreed_recall": hit / max(1, wanted), "nouns_right": right / max(1, said)}


def places_and_counts(answerer: Answerer, pictures: list) -> dict:
    """Against the boxes of the detector that the training used (their classes confirmed by labels)."""
    rng = random.Random(3)
    places, counts = [], []
    for i, picture in enumerate(pictures):
        boxes = tail.trusted_boxes(picture)
        for kind in sorted({box[0] for box in boxes}):
            mine = [box for box in boxes if box[0] == kind]
            if len(mine) <= 4:
                counts.append((i, f"How many {language.plural(CLASSES[kind])} are there?", language.counting(CLASSES[kind], len(mine), rng)[1]))
            if len(mine) == 1:
                spot = language.place((mine[0][2] + mine[0][4]) / 2, (mine[0][3] + mine[0][5]) / 2)
                places.append((i, f"Where is the {CLASSES[kind]}?", language.where(CLASSES[kind], spot, rng)[1]))
    found = {}
    for name, cases in (("places", places), ("counts", counts)):
        cases = rng.sample(cases, min(600, len(cases)))
        said = answerer.answers([(i, question) for i, question, _ in cases], 16)
        wanted = [answer for _, _, answer in cases]
        found[name] = {"right": sum(a == b for a, b in zip(said, wanted)) / max(1, len(cases)), "questions": len(cases)}
        if name == "places":
            ends = [w.rsplit(" is ", 1)[-1] for w in wanted]
            found[name]["always_the_commonest"] = max(map(ends.count, ends), default=0) / max(1, len(ends))
        else:
            ones = sum(" is one " in w for w in wanted)
            found[name]["always_one"] = ones / max(1, len(wanted))
    return found


@torch.no_grad()
def scorer(folder: Path, pictures: list, images: np.ndarray) -> dict:
    session = judge.session_of(folder / "photo-clip/onnx/text_model.onnx")
    tokenizer = Tokenizer.from_file(str(folder / "photo-clip/tokenizer.json"))
    tokenizer.enable_truncation(match.LONGEST)
    tokenizer.enable_padding(pad_id=tokens.PAD_ID, pad_token=tokens.PAD, length=match.LONGEST)

    def embed(texts):
        rows = []
        for start in range(0, len(texts), 100):
            ids = np.array([e.ids for e in tokenizer.encode_batch(texts[start : start + 100])], np.int64)
            rows.append(session.run(None, {"input_ids": ids})[0])
        rows = np.concatenate(rows)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    return match.scored(images, embed, pictures)


def judgement(folder: Path, data: Path, work: Path, pictures: list) -> dict:
    """The detector's two error rates, on held-out pictures and on the shared photographs."""
    config = json.loads((folder / "photo-detector/config.json").read_text())["calibration"]
    kept = np.load(work / "judge.npz")
    chance = lambda scores: judge.chances(scores, config)
    found = {"test": judge.judged(pictures, kept["rows"], chance(kept["scores"]), config["threshold"], "test")}
    if data is None:
        return found
    session = judge.session_of(folder / "photo-detector/onnx/model.onnx")
    photos = [p for p in json.loads((data / "photos/manifest.json").read_text()) if p.get("captions")]
    scores = np.stack([judge.best_scores(session, data / "photos" / p["file"]) for p in photos])
    entries = [dict(captions=p["captions"], labels=[0], split="photos") for p in photos]
    for entry in entries:
        entry["labels"] = sorted(judge.truth_of(dict(labels=[], captions=entry["captions"]))) or [79]
    found["photos"] = judge.judged(entries, np.arange(len(entries)), chance(scores), config["threshold"], "photos")
    return found


class Held:
    """The held-out pictures and the shared photographs, looked at once."""

    def __init__(self, work: Path, data: Path | None, folder: Path):
        self.work, self.data, self.folder = work, data, folder
        self.pictures = json.loads((work / "pictures.json").read_text())
        self.test = [p for p in self.pictures if p["split"] == "test" and p["labels"]]
        self.photos = sorted(p["file"] for p in json.loads((data / "photos/manifest.json").read_text())) if data else []
        paths = [work / p["path"] for p in self.test] + [data / "photos" / name for name in self.photos]
        self.features, self.embeds = looked_at(folder, paths)
        self.answerer = Answerer(folder, self.features)
        self.told = [i for i, p in enumerate(self.test) if len(p["captions"]) >= 4]


def describe(held: Held, seed: int) -> dict:
    """Descriptions: CHAIR, cover, nouns; also leaves `answers.json` (what was said, samples to read, the photographs)."""
    test, question = held.test, language.DESCRIBE[0]
    described = held.answerer.answers([(i, question) for i in range(len(held.features))])
    number = min(CHAIR_PICTURES, len(test))
    truths = [judge.truth_of(picture) for picture in test[:number]]
    mine = described[:number]
    told = [test[i] for i in held.told]
    corpus = json.loads((held.work / "corpus.json").read_text())
    nouns = common_nouns([caption for entry in corpus["texts"] for caption in entry["captions"]])
    said = [described[i] for i in held.told]
    torch.manual_seed(seed)
    few = min(100, len(test))
    sampled = held.answerer.answers([(i, question) for i in range(few)], temperature=0.7)
    photos = dict(zip(held.photos, described[len(test) :]))
    (held.work / "answers.json").write_text(json.dumps(dict(described=mine, sampled=sampled, photos=photos), indent=1))
    return {
        "pictures": number,
        "chair": chair(mine, truths),
        "shuffled": chair(mine[1:] + mine[:1], truths),
        "nouns": agreed_nouns(said, told, nouns) | {"pictures": len(told)},
        "nouns_shuffled": agreed_nouns(said[1:] + said[:1], told, nouns),
        "chair_sampled": chair(sampled, truths[:few]),
    }


def ask(held: Held, seed: int) -> dict:
    """Questions, the scorer and the judge."""
    train = [p for p in held.pictures if p["split"] == "train" and p["labels"]]
    return {
        "pope": pope(held.answerer, held.test[:CHAIR_PICTURES], train, seed),
        **places_and_counts(held.answerer, held.test),
        "scorer": scorer(held.folder, [held.test[i] for i in held.told], held.embeds[held.told]),
        "judge": judgement(held.folder, held.data, held.work, held.pictures),
    }


PARTS = {"describe": describe, "ask": ask}


def run(work: Path, data: Path | None, folder: Path, seed: int, part: str | None = None) -> dict:
    """Both parts, or one of them (two processes may share the work); a part that is on disk is not done again.

    The detector's error rates go into its config.
    """
    held, found = None, {}
    for name in [part] if part else PARTS:
        path = work / f"evaluate-{name}.json"
        if not path.exists():
            held = held or Held(work, data, folder)
            path.write_text(json.dumps(PARTS[name](held, seed), indent=1))
        found |= json.loads(path.read_text())
    if "judge" in found:
        export.write_judged(folder, found["judge"]["test"])
    return found
