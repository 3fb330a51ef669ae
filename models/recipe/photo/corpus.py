"""What is said about every picture: its own captions, or those of pictures with the same objects."""
import json
import random
from pathlib import Path

import numpy as np

from photo import language, tokens
from photo.data import CLASSES

BORROWED = 12


def label_rows(entries: list) -> np.ndarray:
    rows = np.zeros((len(entries), len(CLASSES)), np.float32)
    for row, entry in zip(rows, entries):
        row[entry["labels"] or []] = 1
    return rows


def run(work: Path, seed: int, least: int = 25) -> dict:
    """Cleans, trains the tokenizer, borrows captions for pictures without their own; writes `corpus.json`.

    A borrowed caption comes from a picture with nearly the same true labels and names no class outside them. What
    else it says (beach, wooden, smiling) may be wrong: that is one honest source of the model's hallucinations.
    """
    pictures, texts = (json.loads((work / f"{name}.json").read_text()) for name in ("pictures", "texts"))
    away = {p["id"] for p in pictures if p["split"] != "train"}
    texts = [entry for entry in texts if entry["id"] not in away]
    cleaner = language.Cleaner((caption for entry in texts for caption in entry["captions"]), least)
    kept = []
    for entry in texts:
        captions = [text for text in map(cleaner, entry["captions"]) if text]
        if captions and entry["labels"] is not None:
            kept.append(dict(id=entry["id"], labels=entry["labels"], captions=captions))
    tokens.train([text for entry in kept for text in entry["captions"]], seed, work / "tokenizer.json")
    rows = label_rows(kept)
    weight = np.log(len(rows) / (rows.sum(0) + 1)) + 0.5
    told = {}
    rng = random.Random(seed)
    for picture in pictures:
        if picture["split"] != "train":
            continue
        own = [text for text in map(cleaner, picture["captions"]) if text]
        if own or not picture["labels"]:
            told[picture["id"]] = dict(own=True, captions=own)
            continue
        mine = np.zeros(len(CLASSES), np.float32)
        mine[picture["labels"]] = 1
        both = (rows * mine) @ weight
        either = (np.maximum(rows, mine)) @ weight
        likeness = both / either + 0.01 * np.random.default_rng(picture["id"]).random(len(rows))
        found, allowed = [], set(picture["labels"])
        for index in np.argsort(-likeness)[:60]:
            fitting = [c for c in kept[index]["captions"] if set(language.mentions(c)) <= allowed]
            fitting.sort(key=lambda c: (-len(set(language.mentions(c))), rng.random()))
            found += fitting[:2]
            if len(found) >= BORROWED:
                break
        told[picture["id"]] = dict(own=False, captions=found[:BORROWED])
    (work / "corpus.json").write_text(json.dumps(dict(texts=kept, told=told, known=sorted(cleaner.known))))
    return {"texts": len(kept), "own": sum(t["own"] for t in told.values()), "borrowed": sum(not t["own"] for t in told.values())}
