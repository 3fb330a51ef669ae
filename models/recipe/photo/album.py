"""Real pictures as the talker sees them, what may be said about them, and what their cells show."""
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from photo import data, language, tail, tokens
from photo.phrasebook import Phrasebook


class Album:
    """Real pictures: cells from disk, and what may be said about them."""

    def __init__(self, book: Phrasebook, work: Path, seed: int):
        self.book, self.seed = book, seed
        self.cells = np.load(work / "cells.npy", mmap_mode="r")
        told = lambda i: book.told.get(str(book.pictures[i]["id"]), {"captions": []})
        pictures = book.pictures
        train = [i for i, p in enumerate(pictures) if p["split"] == "train" and told(i)["captions"]]
        self.own = [i for i in train if told(i)["own"]]
        self.borrowed = [i for i in train if not told(i)["own"]]
        self.captions = {i: told(i)["captions"] for i in train}
        for i, p in enumerate(pictures):
            if p["split"] == "dev":
                self.captions[i] = [text for text in map(language.clean, p["captions"]) if text]
        self.check = [i for i, p in enumerate(pictures) if p["split"] == "dev" and p["labels"]]
        sample = self.cells[sorted(random.Random(seed).sample(train, min(400, len(train)))), 0].astype(np.float32)
        self.mean, self.std = (torch.from_numpy(v) for v in (sample.mean((0, 1)), sample.std((0, 1)) + 0.02))

    def seen(self, rows: list) -> torch.Tensor:
        """Standardised cells of (picture, view) pairs."""
        x = torch.from_numpy(np.stack([self.cells[i, view] for i, view in rows]).astype(np.float32))
        return (x - self.mean) / self.std

    def draw(self, step: int, size: int, describe: int, rank: int = 0):
        rng = random.Random((self.seed + 101 * rank) * 1_000_003 + 7 * step)
        rows = []
        for _ in range(size):
            pool = self.own if rng.random() < 0.4 or not self.borrowed else self.borrowed
            rows.append((rng.choice(pool), rng.randrange(data.VIEWS)))
        return (*self.about(rows, describe, rng), rows)

    def about(self, rows: list, describe: int, rng: random.Random):
        conversations, marks = [], []
        for row, (i, view) in enumerate(rows):
            picture = self.book.pictures[i]
            present, boxes = set(picture["labels"] or []), tail.trusted_boxes(picture, view)
            captions = self.captions[i]
            if view == 1:
                captions = [text for text in captions if not {"left", "right"} & set(language.words_of(text))]
            conversations.append(self.book.conversation(captions, present, boxes, rng, describe))
            marks += self.marks(row, present, boxes, captions)
        return conversations, marks

    def marks(self, row: int, present: set, boxes: list, captions: list) -> list:
        """What each cell shows, as (row, cell, token, strength): boxes, labels without one, words of the captions."""
        found = []
        for box in boxes:
            centre = min(3, int((box[3] + box[5]) / 2 * 4)) * 4 + min(3, int((box[2] + box[4]) / 2 * 4))
            for cell in tail.covered(box):
                found += [(row, cell, token, 0.9 if cell == centre else 0.5) for token in self.book.nouns[box[0]]]
        for kind in sorted(present - {box[0] for box in boxes}):
            found += [(row, cell, token, 0.12) for cell in range(16) for token in self.book.nouns[kind]]
        count: dict[str, int] = {}
        for caption in captions:
            for word in tail.content(caption):
                if word not in language.SPELLINGS and word in self.book.word_ids:
                    count[word] = count.get(word, 0) + 1
        for word, number in sorted(count.items()):
            strength = 0.3 * number / len(captions)
            found += [(row, cell, self.book.word_ids[word][0], strength) for cell in range(16)]
        return found


def target(embedding: torch.Tensor, marks: list, size: int) -> torch.Tensor:
    """The visual tokens that the simulator would make of these marks, without its noise and mistakes."""
    made = embedding[tokens.NOTHING_ID].expand(size * 16, embedding.shape[1]) * 0.3
    where = torch.tensor([row * 16 + cell for row, cell, _, _ in marks], dtype=torch.long)
    strength = torch.tensor([m[3] for m in marks])
    named = torch.tensor([m[2] for m in marks], dtype=torch.long)
    return made.index_add(0, where, embedding[named] * strength[:, None]).view(size, 16, embedding.shape[1])


def likeness(visual: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    wanted = wanted.float().detach()
    return F.mse_loss(visual.float(), wanted) / wanted.var().clamp(min=1e-8)


def dropped(cells: torch.Tensor) -> torch.Tensor:
    """Training noise: a third of the channels of each picture and a sixth of its cells are blanked."""
    channels = (torch.rand(len(cells), 1, cells.shape[2]) > 0.33) / 0.67
    return cells * channels * (torch.rand(len(cells), 16, 1) > 0.17)
