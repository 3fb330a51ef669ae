"""Visual tokens made from words, so that the decoder learns to talk without pictures."""
import random

import torch

from photo import tail, tokens
from photo.phrasebook import Phrasebook


class Simulator:
    """Visual tokens made from words: what a connector that names its cells would give, with its mistakes."""

    def __init__(self, book: Phrasebook, seed: int):
        self.book, self.seed = book, seed

    def boxes(self, present: set, rng: random.Random) -> list:
        found = []
        for kind in sorted(present):
            if self.book.layouts[kind] and rng.random() < 0.9:
                layout = rng.choice(self.book.layouts[kind])
                mirrored = rng.random() < 0.5
                found += [[b[0], b[1], 1 - b[4], b[3], 1 - b[2], b[5]] if mirrored else list(b) for b in layout]
        return found

    def rows(self, step: int, size: int, describe: int) -> tuple[list, list]:
        """Conversations, and what their cells show as (row, cell, token, strength)."""
        rng = random.Random(self.seed * 1_000_003 + step)
        book, conversations, marks = self.book, [], []
        for row in range(size):
            entry = rng.choice(book.texts)
            present = set(entry["labels"])
            boxes = self.boxes(present, rng)
            conversations.append(book.conversation(entry["captions"], present, boxes, rng, describe))
            seen = list(boxes) + [[k, 1, x, y, x + 0.2, y + 0.2] for k in present - {b[0] for b in boxes} for x, y in [(rng.random() * 0.8, rng.random() * 0.8)]]
            lost = {k for k in present if rng.random() < (0.1 if any(b[0] == k and (b[4] - b[2]) * (b[5] - b[3]) > 0.05 for b in boxes) else 0.3)}
            while rng.random() < 0.3:
                x, y = rng.random() * 0.7, rng.random() * 0.7
                seen.append([book.absent(present, rng), 0.5, x, y, x + 0.3, y + 0.3])
            for box in seen:
                if box[0] in lost:
                    continue
                strength = rng.uniform(0.5, 1.0) * (1.0 if box[1] != 0.5 else 0.5)
                centre = min(3, int((box[3] + box[5]) / 2 * 4)) * 4 + min(3, int((box[2] + box[4]) / 2 * 4))
                for cell in tail.covered(box):
                    for token in book.nouns[box[0]]:
                        marks.append((row, cell, token, strength * (1.0 if cell == centre else 0.6)))
            for token in book.scene_words(entry["captions"], rng, 0.5):
                for cell in range(16):
                    if rng.random() < 0.4:
                        marks.append((row, cell, token, rng.uniform(0.15, 0.5)))
        return conversations, marks

    def visual(self, embedding: torch.Tensor, marks: list, size: int, step: int) -> torch.Tensor:
        where = torch.tensor([row * 16 + cell for row, cell, _, _ in marks])
        strength = torch.tensor([m[3] for m in marks])
        made = embedding[tokens.NOTHING_ID].expand(size * 16, embedding.shape[1]) * 0.3
        made = made.index_add(0, where, embedding[torch.tensor([m[2] for m in marks])] * strength[:, None])
        noise = torch.randn(made.shape, generator=torch.Generator().manual_seed(step))
        return (made + noise * 0.25 * made.detach().std()).view(size, 16, embedding.shape[1])
