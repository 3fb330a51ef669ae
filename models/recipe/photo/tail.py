"""The tail of the backbone learns COCO's classes: at every cell, over the whole picture, and words of the captions.

Cells learn from boxes (a detector's, kept only where the true labels name the class), the picture from its true
labels, words from human captions. The judge of the page, NanoDet, has no part in it.
"""
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from photo import backbone, data, features, language
from photo.data import CLASSES

BOX_SCORE = 0.3
WORDS = 600
STOP = set(
    "a an the in on of with and at to is are while by from his her its their for into up as through over near down off "
    "some it two three four five one there that who this other another out around next front side top very him he she "
    "they which what where be being has have several many all about them made can just only during between during not "
    "or but sits sitting standing stands image picture photo view close".split()
)


def content(text: str) -> set[str]:
    return {word for word in language.words_of(text) if word.isalpha() and len(word) > 2 and word not in STOP}


def trusted_boxes(picture: dict, view: int = 0) -> list:
    """Boxes whose class the true labels confirm, in the view's coordinates."""
    labels = set(picture["labels"] or [])
    kept = [box for box in picture["boxes"] or [] if box[1] >= BOX_SCORE and box[0] in labels]
    return data.view_boxes(kept, picture["id"], view)


def covered(box) -> list[int]:
    """Cells of the 4 x 4 grid that a box fills to two fifths, and the one that holds its centre."""
    _, _, x1, y1, x2, y2 = box
    side = backbone.GRID
    found = {min(side - 1, int((y1 + y2) / 2 * side)) * side + min(side - 1, int((x1 + x2) / 2 * side))}
    for row in range(side):
        for column in range(side):
            wide = min(x2 * side, column + 1) - max(x1 * side, column)
            high = min(y2 * side, row + 1) - max(y1 * side, row)
            if wide > 0 and high > 0 and wide * high >= 0.4:
                found.add(row * side + column)
    return sorted(found)


class Targets:
    """Per picture and view: labels [80] with a mask, cells [16, 80], words [WORDS] with a weight."""

    def __init__(self, pictures: list, vocabulary: list[str]):
        self.pictures, self.index = pictures, {word: i for i, word in enumerate(vocabulary)}

    def __call__(self, i: int, view: int):
        picture, kinds = self.pictures[i], len(CLASSES)
        labels, mask, cells = np.zeros(kinds, np.float32), np.ones(kinds, np.float32), np.zeros((16, kinds), np.float32)
        if picture["labels"] is None:
            mask[:] = 0
        else:
            labels[picture["labels"]] = 1
        boxes = trusted_boxes(picture, view)
        for box in boxes:
            cells[covered(box), box[0]] = 1
        if view >= 2:
            lost = {box[0] for box in trusted_boxes(picture)} - {box[0] for box in boxes}
            mask[list(lost)] = 0
        words = np.zeros(len(self.index), np.float32)
        for caption in picture["captions"]:
            words[[self.index[word] for word in content(caption) if word in self.index]] += 1 / len(picture["captions"])
        return labels, mask, cells, words, np.float32(bool(picture["captions"]))


class Seer(nn.Module):
    def __init__(self, tail: backbone.Tail, words: int):
        super().__init__()
        self.tail, kinds = tail, len(CLASSES)
        self.cell, self.whole, self.words = (nn.Linear(backbone.WIDTH, n) for n in (kinds, kinds, words))
        for layer in (self.cell, self.whole, self.words):
            nn.init.zeros_(layer.weight)
            nn.init.constant_(layer.bias, -3.5)
        self.drop = nn.Dropout(0.3)

    def train(self, mode: bool = True):
        super().train(mode)
        self.tail.eval()  # the statistics of ImageNet stay
        return self

    def forward(self, maps: torch.Tensor):
        with torch.no_grad():  # its maps are the largest, and its gradients would double the cost
            x = backbone.without_gate(self.tail.blocks[0], maps)
        cells = self.tail(x, first=1).float()
        mean = self.drop(cells.mean(1))
        spot = self.cell(self.drop(cells))
        strongest = torch.logsumexp(spot * 2, 1) / 2
        return cells, spot, (self.whole(mean) + strongest) / 2 + 1.0, self.words(mean)

    def loss(self, maps, labels, mask, cells, words, told):
        _, spot, whole, said = self(maps)
        bce = lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none")
        image = (bce(whole, labels) * mask).sum(1).mean()
        known = mask[:, None] * (labels[:, None] * 0 + 1)
        # A cell is asked about the classes that are not there at all, and about those whose boxes are known.
        boxed = (cells.amax(1) + (1 - labels)).clamp(max=1)[:, None]
        spots = (bce(spot, cells) * known * boxed).sum(2).mean()
        captions = (bce(said, words).sum(1) * told).sum() / told.sum().clamp(min=1)
        return image + spots + 0.5 * captions


def average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    order = np.argsort(-score)
    hit = truth[order]
    return float((np.cumsum(hit) / np.arange(1, len(hit) + 1) * hit).sum() / max(1, hit.sum()))


@torch.inference_mode()
def examine(seer: Seer, maps, pictures, chosen) -> dict:
    """Mean average precision over the classes that at least five of the chosen pictures show."""
    seer.eval()
    scores = []
    for start in range(0, len(chosen), 64):
        part = torch.from_numpy(maps[chosen[start : start + 64], 0].astype(np.float32))
        scores.append(seer(part)[2].numpy())
    seer.train()
    scores = np.concatenate(scores)
    truth = np.zeros_like(scores)
    for row, i in enumerate(chosen):
        truth[row, pictures[i]["labels"]] = 1
    shown = [c for c in range(len(CLASSES)) if truth[:, c].sum() >= 5]
    top = np.mean([truth[r, np.argsort(-scores[r])[:3]].mean() for r in range(len(scores))])
    return {"mAP": float(np.mean([average_precision(truth[:, c], scores[:, c]) for c in shown])), "top3": float(top)}


def vocabulary(pictures: list) -> list[str]:
    count: dict[str, int] = {}
    for picture in pictures:
        if picture["split"] == "train":
            for word in {word for caption in picture["captions"] for word in content(caption)}:
                count[word] = count.get(word, 0) + 1
    return sorted(count, key=lambda word: (-count[word], word))[:WORDS]


def run(work: Path, epochs: float, batch: int, rate: float, seed: int) -> dict:
    """Tunes the tail; `tail.pt` holds the native tail weights and where the training stands."""
    pictures = json.loads((work / "pictures.json").read_text())
    maps = features.open_maps(work, len(pictures))
    words = vocabulary(pictures)
    targets = Targets(pictures, words)
    train = np.array([i for i, p in enumerate(pictures) if p["split"] == "train" and (p["labels"] or p["captions"])])
    check = [i for i, p in enumerate(pictures) if p["split"] == "dev" and p["labels"]]
    torch.manual_seed(seed)
    seer = Seer(backbone.Tail(backbone.pretrained()), len(words)).to(memory_format=torch.channels_last)
    seer.tail.blocks[0].requires_grad_(False)
    heads = [p for layer in (seer.cell, seer.whole, seer.words) for p in layer.parameters()]
    groups = [dict(params=[p for p in seer.tail.parameters() if p.requires_grad], lr=rate, peak=rate), dict(params=heads, lr=3 * rate, peak=3 * rate)]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05, betas=(0.9, 0.98))
    steps, step, log, began = int(epochs * len(train) / batch), 0, [], time.time()
    if (work / "tail.pt").exists():
        state = torch.load(work / "tail.pt", weights_only=False)
        seer.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, log = state["step"], state["log"]
    seer.train()
    running = []
    while step < steps:
        rng = np.random.default_rng([seed, step])
        chosen, views = rng.choice(train, batch, replace=False), rng.integers(0, data.VIEWS, batch)
        rows = [targets(i, view) for i, view in zip(chosen, views)]
        given = [torch.from_numpy(np.stack(column)) for column in zip(*rows)]
        x = torch.from_numpy(np.stack([maps[i, view] for i, view in zip(chosen, views)]).astype(np.float32))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * min(1, (step + 1) / 100) * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        with torch.autocast("cpu", torch.bfloat16):
            loss = seer.loss(x.to(memory_format=torch.channels_last), *given)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(seer.parameters(), 5.0)
        optimizer.step()
        step += 1
        running.append(float(loss.detach()))
        if step % 100 == 0 or step == steps:
            found = examine(seer, maps, pictures, check) if step % 300 == 0 or step == steps else {}
            log.append(dict(step=step, loss=float(np.mean(running[-100:])), **found))
            print(f"[tail] {step}/{steps} {log[-1]} {time.time() - began:.0f} s", flush=True)
            torch.save(dict(model=seer.state_dict(), optimizer=optimizer.state_dict(), step=step, log=log), work / "tail.tmp")
            (work / "tail.tmp").replace(work / "tail.pt")
    return {"steps": steps, "pictures": len(train), "log": log[-1:]}


def tuned(work: Path):
    """The whole native backbone with the tuned tail."""
    model = backbone.pretrained()
    tail = backbone.Tail(model)
    state = torch.load(work / "tail.pt", weights_only=False)["model"]
    tail.load_state_dict({name[5:]: value for name, value in state.items() if name.startswith("tail.")})
    return model


@torch.inference_mode()
def cells(work: Path, part: int = 0, parts: int = 1) -> dict:
    """`cells.npy`: f16 [pictures, views, 16, 1280], what the connector sees. `part` of `parts` lets processes share."""
    pictures = json.loads((work / "pictures.json").read_text())
    maps = features.open_maps(work, len(pictures))
    path, shape = work / "cells.npy", (len(pictures), data.VIEWS, 16, backbone.WIDTH)
    if part == 0 and not path.exists():
        np.lib.format.open_memmap(path, "w+", np.float16, shape).flush()
    while not path.exists():
        time.sleep(1)
    found = np.lib.format.open_memmap(path, "r+")
    tail = backbone.Tail(tuned(work)).eval().to(memory_format=torch.channels_last)
    first, last = len(pictures) * part // parts, len(pictures) * (part + 1) // parts
    for view in range(data.VIEWS):
        for start in range(first, last, 32):
            rows = slice(start, min(last, start + 32))
            x = torch.from_numpy(maps[rows, view].astype(np.float32)).to(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=view > 0):
                found[rows, view] = tail(x).float().numpy()
        print(f"[cells {part}] view {view}", flush=True)
    found.flush()
    return {"pictures": len(pictures)}
