"""Everything that is asked and said about a picture, as token ids, and how it is packed into sequences."""
import json
import random
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from photo import language, tail, tokens
from photo.data import CLASSES

CONTENT_WEIGHT, SHORT_WEIGHT = 2.0, 2.0


class Batch:
    pass


class Phrasebook:
    """Token ids of everything that is asked and said, and the world's statistics."""

    def __init__(self, work: Path):
        self.tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
        corpus = json.loads((work / "corpus.json").read_text())
        self.texts, self.told = corpus["texts"], corpus["told"]
        self.pictures = json.loads((work / "pictures.json").read_text())
        self.prefix = self.encode(tokens.PREFIX)
        self.nouns = [self.encode(f" {noun}") for noun in CLASSES]
        rows = np.zeros((len(self.texts), len(CLASSES)), np.float32)
        for row, entry in zip(rows, self.texts):
            row[entry["labels"]] = 1
        self.frequency, self.together = rows.mean(0), rows.T @ rows
        self.word_ids = {word: self.encode(f" {word}") for word in corpus["known"]}
        light = [self.encode(f" {word}")[0] for word in tail.STOP]
        self.weights = torch.full((tokens.VOCABULARY,), CONTENT_WEIGHT)
        self.weights[light + list(range(5)) + self.encode(".") + self.encode(",")] = 1.0
        # Where things are and how many of them there are: the layouts of the training pictures, by class.
        self.layouts = [[] for _ in CLASSES]
        for picture in self.pictures:
            if picture["split"] == "train":
                boxes = tail.trusted_boxes(picture)
                for kind in {box[0] for box in boxes}:
                    self.layouts[kind].append([box for box in boxes if box[0] == kind])

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def absent(self, present: set, rng: random.Random) -> int:
        """A class that is not there: any, a common one, or one that keeps company with what is there."""
        others = [c for c in range(len(CLASSES)) if c not in present]
        style = rng.randrange(3)
        if style == 0 or not present:
            return rng.choice(others)
        weight = self.frequency if style == 1 else sum(self.together[p] / self.together[p, p] for p in present)
        return rng.choices(others, [float(weight[c]) + 1e-4 for c in others])[0]

    def description(self, caption: str, present: set, boxes: list, rng: random.Random) -> str:
        named = set(language.mentions(caption))
        area = {kind: max((b[4] - b[2]) * (b[5] - b[3]) for b in boxes if b[0] == kind) for kind in {b[0] for b in boxes}}
        rest = [kind for kind in present - named if rng.random() < (0.75 if area.get(kind, 0) > 0.02 else 0.15)]
        rest.sort(key=lambda kind: -area.get(kind, 0))
        return language.description(caption, [CLASSES[kind] for kind in rest[:3]])

    def conversation(self, captions: list, present: set, boxes: list, rng: random.Random, describe: int) -> list:
        """(question, answer, weight) about one picture."""
        found = []
        for caption in rng.sample(captions, min(describe, len(captions))):
            question = language.DESCRIBE[0] if rng.random() < 0.5 else rng.choice(language.DESCRIBE)
            found.append((question, self.description(caption, present, boxes, rng), 1.0))
        if not present:
            return found
        known = sorted(present)
        there = rng.choice(known)
        found.append((*language.presence(CLASSES[there], True, rng), SHORT_WEIGHT))
        found.append((*language.presence(CLASSES[self.absent(present, rng)], False, rng), SHORT_WEIGHT))
        seen = sorted({box[0] for box in boxes})
        if seen and rng.random() < 0.6:
            kind, number = rng.choice(seen), 0
            if rng.random() < 0.1:
                kind = self.absent(present, rng)
            number = sum(box[0] == kind for box in boxes)
            found.append((*language.counting(CLASSES[kind], number, rng), SHORT_WEIGHT))
        if seen and rng.random() < 0.6:
            kind = rng.choice(seen)
            if rng.random() < 0.1:
                found.append((*language.where(CLASSES[self.absent(present, rng)], None, rng), 1.0))
            else:
                _, _, x1, y1, x2, y2 = max((b for b in boxes if b[0] == kind), key=lambda b: (b[4] - b[2]) * (b[5] - b[3]))
                found.append((*language.where(CLASSES[kind], language.place((x1 + x2) / 2, (y1 + y2) / 2), rng), SHORT_WEIGHT))
        if rng.random() < 0.15:
            found.append((rng.choice(language.LIST), language.listing([CLASSES[k] for k in seen[:4] or known[:4]]), 1.0))
        return found

    def pack(self, conversations: list) -> Batch:
        """All questions of a picture in one sequence behind a shared image prefix; they do not see each other."""
        rows = []
        for conversation in conversations:
            ids, positions = list(self.prefix), list(range(len(self.prefix)))
            segments, labels, weights = [0] * len(ids), [-100] * len(ids), [0.0] * len(ids)
            for number, (question, answer, weight) in enumerate(conversation, start=1):
                asked = self.encode(tokens.prompt_after_image(question))
                said = self.encode(tokens.answer_text(answer))
                ids += asked + said
                positions += range(len(self.prefix), len(self.prefix) + len(asked) + len(said))
                segments += [number] * (len(asked) + len(said))
                labels += [-100] * (len(asked) - 1) + said + [-100]
                weights += [weight] * (len(asked) + len(said))
            rows.append((ids, positions, segments, labels, weights))
        length = -(-max(len(row[0]) for row in rows) // 8) * 8
        fill = lambda column, value: torch.tensor([row[column] + [value] * (length - len(row[column])) for row in rows])
        batch = Batch()
        batch.prefix = self.prefix
        batch.ids, batch.positions, batch.labels = fill(0, tokens.PAD_ID), fill(1, 0), fill(3, -100)
        segments, weights = fill(2, -1), fill(4, 0.0)
        same = (segments[:, :, None] == segments[:, None, :]) | (segments[:, None, :] == 0)
        visible = (same & torch.ones(length, length).tril().bool())[:, None]
        batch.mask = torch.zeros(visible.shape, dtype=torch.bfloat16).masked_fill_(~visible, -1e9)
        kept = batch.labels != -100
        batch.answers = batch.labels[kept]
        batch.weights = self.weights[batch.answers] * weights[kept]
        return batch

    def scene_words(self, captions: list, rng: random.Random, share: float) -> list[int]:
        """Tokens of words other than the classes' that the captions use."""
        words = sorted({w for caption in captions for w in tail.content(caption) if w not in language.SPELLINGS})
        return [self.word_ids[w][0] for w in words if w in self.word_ids and rng.random() < share]
