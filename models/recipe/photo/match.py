"""photo-clip: a linear projection of the pooled cells and a small text tower, in one space of 96 dimensions.

A ridge regression from cells to the words of the captions gives the teacher: word scores, standardised, projected to
the 96 directions in which predictions differ most. The text tower learns where the teacher puts a caption, and both
sides then learn to tell captions apart, also from ones with a noun swapped.
"""
import json
import math
import random
import re
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from photo import backbone, data, language, tail, tokens
from photo.data import CLASSES

PROJECTION, LONGEST, WORDS, WIDTH = 96, 40, 1000, 72


def text_config() -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=tokens.VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=LONGEST,
        hidden_act="gelu_pytorch_tanh",
        projection_dim=PROJECTION,
        bos_token_id=tokens.START_ID,
        eos_token_id=tokens.END_ID,
        pad_token_id=tokens.PAD_ID,
    )


class Matcher(nn.Module):
    def __init__(self):
        super().__init__()
        self.text = CLIPTextModel(text_config())
        self.text_projection = nn.Linear(WIDTH, PROJECTION, bias=False)
        self.image = nn.Linear(backbone.WIDTH, PROJECTION)
        self.scale = nn.Parameter(torch.tensor(math.log(20.0)))

    def texts(self, ids: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.text_projection(self.text(ids).pooler_output).float(), dim=-1)

    def images(self, means: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.image(means).float(), dim=-1)


def bags(captions: list[str], index: dict) -> np.ndarray:
    """Words of each caption, shortened as by the square root of their number."""
    rows = np.zeros((len(captions), len(index)), np.float32)
    for row, caption in zip(rows, captions):
        row[[index[word] for word in lemmas(caption) if word in index]] = 1
    return rows / np.sqrt(rows.sum(1, keepdims=True) + 1.5)


def lemmas(caption: str) -> set[str]:
    found = set()
    for word in tail.content(caption):
        kind = language.SPELLINGS.get(word)
        found.add(CLASSES[kind] if kind is not None and language.plural(CLASSES[kind]) == word else word)
    return found | {CLASSES[kind] for kind in language.mentions(caption)}


class Pairs:
    """Pooled cells and captions of the training pictures."""

    def __init__(self, work: Path):
        self.pictures = json.loads((work / "pictures.json").read_text())
        corpus = json.loads((work / "corpus.json").read_text())
        cells = np.load(work / "cells.npy", mmap_mode="r")
        self.texts = [caption for entry in corpus["texts"] for caption in entry["captions"]]
        told = lambda p: corpus["told"].get(str(p["id"]), {"captions": [], "own": False})
        self.train = [i for i, p in enumerate(self.pictures) if p["split"] == "train" and told(p)["captions"]]
        self.own = np.array([told(self.pictures[i])["own"] for i in self.train])
        self.captions = [told(self.pictures[i])["captions"] for i in self.train]
        self.means = np.stack([cells[i].astype(np.float32).mean(1) for i in self.train])  # [pictures, views, 1280]
        self.check = [i for i, p in enumerate(self.pictures) if p["split"] == "dev" and p["captions"]]
        self.check_means = np.stack([cells[i, 0].astype(np.float32).mean(0) for i in self.check])
        count: dict[str, int] = {}
        for caption in self.texts:
            for word in lemmas(caption):
                count[word] = count.get(word, 0) + 1
        self.words = sorted(count, key=lambda w: (-count[w], w))[:WORDS]
        self.words += [f"<{i}>" for i in range(len(self.words), PROJECTION)]  # a smoke run knows fewer words
        self.index = {word: i for i, word in enumerate(self.words)}

    def wanted(self) -> np.ndarray:
        """Share of a picture's captions that use each word; a true label counts like half of them at least."""
        rows = np.zeros((len(self.train), len(self.words)), np.float32)
        for row, i, captions in zip(rows, self.train, self.captions):
            for caption in captions:
                row[[self.index[word] for word in lemmas(caption) if word in self.index]] += 1 / len(captions)
        return rows


def ridge(x: np.ndarray, y: np.ndarray, weight: np.ndarray, strength: float):
    """Weights and offset of a ridge regression with weighted rows."""
    w = weight / weight.sum()
    mean, target = w @ x, w @ y
    centred = (x - mean) * np.sqrt(w)[:, None]
    gram = centred.T @ centred
    solved = np.linalg.solve(gram + strength * np.trace(gram) / len(gram) * np.eye(len(gram), dtype=np.float32), centred.T @ ((y - target) * np.sqrt(w)[:, None]))
    return solved, target - mean @ solved


def teacher(pairs: Pairs, strength: float = 0.5):
    """(image weights [1280, 96], offset, text table [words, 96])."""
    x, y = pairs.means[:, :2].mean(1), pairs.wanted()
    weight = np.where(pairs.own, 1.0, 0.3).astype(np.float32)
    prior = weight @ y / weight.sum()
    spread = np.sqrt(prior * (1 - prior) + 1e-3)
    parity = np.arange(len(x)) % 2
    unseen = np.zeros_like(y)
    for fold in (0, 1):
        solved, offset = ridge(x[parity != fold], y[parity != fold], weight[parity != fold], strength)
        unseen[parity == fold] = x[parity == fold] @ solved + offset
    scores = (unseen - prior) / spread * np.sqrt(weight)[:, None]
    _, vectors = np.linalg.eigh(scores.T @ scores)
    table = np.ascontiguousarray(vectors[:, ::-1][:, :PROJECTION]).astype(np.float32)
    solved, offset = ridge(x, y, weight, strength)
    return (solved / spread) @ table, ((offset - prior) / spread) @ table, table


def encoder(work: Path):
    tokenizer = tokens.with_ends(Tokenizer.from_file(str(work / "tokenizer.json")))
    tokenizer.enable_truncation(LONGEST)
    tokenizer.enable_padding(pad_id=tokens.PAD_ID, pad_token=tokens.PAD)
    return lambda texts: torch.tensor([e.ids for e in tokenizer.encode_batch(texts)])


def swapped(caption: str, rng: random.Random, nouns: list[str]) -> str:
    """The caption with one noun of the 80 classes replaced by another class's; empty where it names none."""
    found = [word for word in re.findall(r"[a-z]+", caption.lower()) if word in language.SPELLINGS]
    if not found:
        return ""
    word = rng.choice(found)
    kind = language.SPELLINGS[word]
    other = rng.choice([noun for noun in nouns if language.SPELLINGS[noun] != kind])
    if language.plural(CLASSES[kind]) == word:
        other = language.plural(other)
    return re.sub(rf"\b{word}\b", other, caption, count=1, flags=re.IGNORECASE)


def scored(images: np.ndarray, embed, pictures: list, seed: int = 5) -> dict:
    """The scorer's three figures; `images` are unit vectors of `pictures`, `embed` maps texts to unit vectors."""
    rng = random.Random(seed)
    first = embed([p["captions"][0] for p in pictures])
    above, one = [], []
    for number in range(min(4, min(len(p["captions"]) for p in pictures))):
        texts = embed([p["captions"][number] for p in pictures])
        similarity = images @ texts.T
        right = np.diag(similarity)
        above.append(np.mean([(right[i] > np.delete(similarity[i], i)).mean() for i in range(len(right))]))
        for i in range(len(right)):
            others = rng.sample([j for j in range(len(right)) if j != i], min(99, len(right) - 1))
            one.append(float((similarity[i, others] < right[i]).all()))
    nouns = sorted({word for p in pictures for c in p["captions"] for word in re.findall("[a-z]+", c.lower()) if word in language.SPELLINGS and language.plural(CLASSES[language.SPELLINGS[word]]) != word})
    kept = []
    for i, p in enumerate(pictures):
        truth = set(p["labels"] or []) | {c for caption in p["captions"] for c in language.mentions(caption)}
        for caption in p["captions"][:4]:
            wrong = swapped(caption, rng, nouns)
            if wrong and not set(language.mentions(wrong)) <= truth:
                kept.append((i, caption, wrong))
    true, wrong = embed([c for _, c, _ in kept]), embed([w for _, _, w in kept])
    seen = images[[i for i, _, _ in kept]]
    better = (seen * true).sum(1) > (seen * wrong).sum(1)
    return {"above_random": float(np.mean(above)), "first_of_100": float(np.mean(one)), "above_swapped": float(better.mean()), "pictures": len(first), "swaps": len(kept)}


@torch.no_grad()
def check(matcher: Matcher, pairs: Pairs, encode) -> dict:
    matcher.eval()
    pictures = [pairs.pictures[i] for i in pairs.check]
    embed = lambda texts: np.concatenate([matcher.texts(encode(texts[k : k + 200])).numpy() for k in range(0, len(texts), 200)])
    found = scored(matcher.images(torch.from_numpy(pairs.check_means)).numpy(), embed, pictures)
    matcher.train()
    return {key: round(value, 4) for key, value in found.items()}


def run(work: Path, steps: int, size: int, rate: float, seed: int) -> dict:
    torch.manual_seed(seed)
    pairs, encode, matcher = Pairs(work), encoder(work), Matcher()
    began = time.time()
    weights, offset, table = teacher(pairs)
    with torch.no_grad():
        matcher.image.weight.copy_(torch.from_numpy(weights.T))
        matcher.image.bias.copy_(torch.from_numpy(offset))
    unit = lambda v: v / (np.linalg.norm(v, axis=1, keepdims=True) + 1e-6)
    pictures = [pairs.pictures[i] for i in pairs.check]
    by_teacher = scored(matcher.images(torch.from_numpy(pairs.check_means)).detach().numpy(), lambda t: unit(bags(t, pairs.index) @ table), pictures)
    print("[match] teacher", by_teacher, flush=True)
    image = [*matcher.image.parameters()]
    rest = [p for name, p in matcher.named_parameters() if not name.startswith("image.")]
    groups = [dict(params=rest, lr=rate, peak=rate), dict(params=image, lr=0.05 * rate, peak=0.05 * rate, weight_decay=0.0)]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05, betas=(0.9, 0.98))
    nouns = [word for word in language.SPELLINGS if " " not in word and language.plural(CLASSES[language.SPELLINGS[word]]) != word]
    own, other = np.flatnonzero(pairs.own), np.flatnonzero(~pairs.own)
    step, log = 0, []
    if (work / "match.pt").exists():
        state = torch.load(work / "match.pt", weights_only=False)
        matcher.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, log = state["step"], state["log"]
    while step < steps:
        rng = random.Random(seed * 1_000_003 + step)
        share = min(1.0, max(0.0, (step / steps - 0.35) * 4))  # the teacher alone first
        free = rng.sample(pairs.texts, size)
        loss = 1 - (matcher.texts(encode(free)) * torch.from_numpy(unit(bags(free, pairs.index) @ table))).sum(1)
        loss = loss.mean() * 4
        if share:
            rows = [int(rng.choice(own if rng.random() < 0.5 or not len(other) else other)) for _ in range(size)]
            rows = list(dict.fromkeys(rows))
            said = [rng.choice(pairs.captions[r]) for r in rows]
            wrong = [swapped(caption, rng, nouns) or rng.choice(pairs.texts) for caption in said]
            means = torch.from_numpy(pairs.means[rows, [rng.randrange(data.VIEWS) for _ in rows]])
            seen = matcher.images(F.dropout(means, 0.1))
            both = matcher.texts(encode(said + wrong))
            logits = matcher.scale.exp().clamp(max=60) * seen @ both.T
            right = torch.arange(len(rows))
            contrast = F.cross_entropy(logits, right) + F.cross_entropy(logits[:, : len(rows)].T, right)
            margin = F.softplus(logits[right, right + len(rows)] - logits[right, right]).mean()
            loss = loss + share * (0.5 * contrast + margin)
        for group in optimizer.param_groups:
            cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
            group["lr"] = group["peak"] * min(1, (step + 1) / 50) * (0.03 + 0.97 * cosine)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(matcher.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0 or step == steps:
            log.append(dict(step=step, loss=round(float(loss.detach()), 4), **check(matcher, pairs, encode)))
            print(f"[match] {step}/{steps} {log[-1]} {time.time() - began:.0f} s", flush=True)
            state = dict(model=matcher.state_dict(), optimizer=optimizer.state_dict(), step=step, log=log)
            torch.save(state, work / "match.tmp")
            (work / "match.tmp").replace(work / "match.pt")
    return {"steps": steps, "pictures": len(pairs.train), "teacher": by_teacher, "log": log[-1:]}
