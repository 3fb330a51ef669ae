"""Captions for pictures that have none of their own, chosen by the scorer among those that the true labels allow."""
import json
from pathlib import Path

import numpy as np
import torch

from photo import corpus, language, match
from photo.data import CLASSES

#: Captions that one other picture may lend.
FROM_ONE = 1


@torch.no_grad()
def embedded(matcher: match.Matcher, encode, texts: list[str], size: int = 500) -> np.ndarray:
    return np.concatenate([matcher.texts(encode(texts[at : at + size])).numpy() for at in range(0, len(texts), size)])


def fitting(similarity: np.ndarray, sources: np.ndarray, most: int) -> list[int]:
    """The most similar captions, at most FROM_ONE of each source."""
    taken: dict[int, int] = {}
    found = []
    for index in np.argsort(-similarity):
        if len(found) == most or not np.isfinite(similarity[index]):
            break
        source = int(sources[index])
        if taken.get(source, 0) < FROM_ONE:
            taken[source] = taken.get(source, 0) + 1
            found.append(int(index))
    return found


def run(work: Path) -> dict:
    """Rewrites the borrowed captions in `corpus.json`.

    Before, they came from any picture with nearly the same labels. Now the scorer ranks all captions that name a class
    of the picture and none besides, so that also the place and the doing are rather those of the picture. The scorer
    never judges the talker in the bars; the detector has no part in it.
    """
    told = json.loads((work / "corpus.json").read_text())
    pictures = json.loads((work / "pictures.json").read_text())
    cells = np.load(work / "cells.npy", mmap_mode="r")
    matcher = match.Matcher()
    matcher.load_state_dict(torch.load(work / "match.pt", weights_only=False)["model"])
    matcher.eval()
    texts = [caption for entry in told["texts"] for caption in entry["captions"]]
    sources = np.array([i for i, entry in enumerate(told["texts"]) for _ in entry["captions"]])
    names = np.zeros((len(texts), len(CLASSES)), np.float32)
    for row, text in zip(names, texts):
        row[language.mentions(text)] = 1
    space = embedded(matcher, match.encoder(work), texts)
    changed = 0
    for i, picture in enumerate(pictures):
        entry = told["told"].get(str(picture["id"]))
        if not entry or entry["own"]:
            continue
        mine = np.zeros(len(CLASSES), np.float32)
        mine[picture["labels"]] = 1
        mean = torch.from_numpy(cells[i, 0].astype(np.float32).mean(0, keepdims=True))
        with torch.no_grad():
            similarity = space @ matcher.images(mean).numpy()[0]
        allowed = (names @ (1 - mine) == 0) & (names @ mine > 0)
        found = fitting(np.where(allowed, similarity, -np.inf), sources, corpus.BORROWED)
        if found:
            entry["captions"] = [texts[at] for at in found]
            changed += 1
    (work / "corpus.json").write_text(json.dumps(told))
    return {"captions": len(texts), "pictures": changed}
