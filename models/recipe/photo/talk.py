"""photo-vlm: connector and decoder, first on simulated visual tokens, then on real ones."""
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

import workers
from photo import backbone, data, language, tail, tokens
from photo.data import CLASSES

HIDDEN, LAYERS, CONTEXT = 192, 3, 512
ALIGNMENT_WEIGHT = 0.3
CONTENT_WEIGHT, SHORT_WEIGHT = 2.0, 2.0
#: Processes average their weights after so many steps; the development pictures are looked at after so many.
MEET, CHECK_EVERY = 25, 200


def decoder_config() -> LlamaConfig:
    return LlamaConfig(
        vocab_size=tokens.VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=512,
        num_hidden_layers=LAYERS,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        tie_word_embeddings=True,
        bos_token_id=tokens.START_ID,
        eos_token_id=tokens.END_ID,
        pad_token_id=tokens.PAD_ID,
    )


class Talker(nn.Module):
    """FastVLM's connector (two layers per cell) and a Llama decoder."""

    def __init__(self):
        super().__init__()
        config = decoder_config()
        config._attn_implementation = "eager"  # with bf16 on a CPU its backward pass is the faster one
        self.lm = LlamaForCausalLM(config)
        self.linear_1, self.linear_2 = nn.Linear(backbone.WIDTH, HIDDEN), nn.Linear(HIDDEN, HIDDEN)

    def look(self, cells: torch.Tensor) -> torch.Tensor:
        return self.linear_2(F.gelu(self.linear_1(cells)))

    def answer_logits(self, batch, visual: torch.Tensor):
        embedded = self.lm.model.embed_tokens(batch.ids)
        start = len(batch.prefix) - tokens.VISUAL_TOKENS
        embedded = torch.cat([embedded[:, :start], visual.to(embedded.dtype), embedded[:, len(batch.prefix) :]], 1)
        hidden = self.lm.model(
            inputs_embeds=embedded, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
        ).last_hidden_state
        return self.lm.lm_head(hidden[batch.labels != -100]).float()


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
        rest = [kind for kind in present - named if rng.random() < (0.85 if area.get(kind, 0) > 0.02 else 0.35)]
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

    def batch(self, step: int, size: int, describe: int):
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
        return book.pack(conversations), marks

    def visual(self, embedding: torch.Tensor, marks: list, size: int, step: int) -> torch.Tensor:
        where = torch.tensor([row * 16 + cell for row, cell, _, _ in marks])
        strength = torch.tensor([m[3] for m in marks])
        made = embedding[tokens.NOTHING_ID].expand(size * 16, HIDDEN) * 0.3
        made = made.index_add(0, where, embedding[torch.tensor([m[2] for m in marks])] * strength[:, None])
        noise = torch.randn(made.shape, generator=torch.Generator().manual_seed(step))
        return (made + noise * 0.25 * made.detach().std()).view(size, 16, HIDDEN)


class Trainer:
    """Muon for the decoder's matrices, AdamW for the rest; checkpoints with everything, resumable by step.

    A stage that another one follows keeps its rate (`decay=False`); the last one ends on a cosine.
    """

    #: Whether this process writes the checkpoints.
    writes = True

    def __init__(self, name: str, work: Path, model: Talker, rate: float, steps: int, decay: bool, connector: bool):
        self.path, self.name, self.model, self.steps, self.decay = work / f"{name}.pt", name, model, steps, decay
        layers = [p for p in model.lm.model.layers.parameters() if p.ndim == 2]
        rest = [p for p in model.lm.parameters() if not any(p is q for q in layers)]
        if connector:
            rest += [*model.linear_1.parameters(), *model.linear_2.parameters()]
        muon = torch.optim.Muon(layers, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
        self.optimizers = [muon, torch.optim.AdamW(rest, lr=rate, weight_decay=0.05, betas=(0.9, 0.98))]
        self.rate, self.step, self.log, self.running, self.began = rate, 0, [], [], time.time()
        if self.path.exists():
            state = torch.load(self.path, weights_only=False)
            model.load_state_dict(state["model"])
            for optimizer, kept in zip(self.optimizers, state["optimizers"]):
                optimizer.load_state_dict(kept)
            self.step, self.log = state["step"], state["log"]

    def update(self, loss: torch.Tensor, every: int = 50, before_log=lambda: None, more=lambda: {}) -> None:
        rate = self.rate * min(1, (self.step + 1) / 100)
        if self.decay:
            rate *= 0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * min(1, self.step / self.steps)))
        self.model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        self.step += 1
        self.running.append(float(loss.detach()))
        before_log()
        if self.writes and (self.step % every == 0 or self.step >= self.steps):
            self.log.append(dict(step=self.step, loss=round(float(np.mean(self.running[-every:])), 4), **more()))
            print(f"[{self.name}] {self.step}/{self.steps} {self.log[-1]} {time.time() - self.began:.0f} s", flush=True)
            self.save()

    def save(self) -> None:
        state = dict(
            model=self.model.state_dict(),
            optimizers=[optimizer.state_dict() for optimizer in self.optimizers],
            step=self.step,
            log=self.log,
        )
        torch.save(state, self.path.with_suffix(".tmp"))
        self.path.with_suffix(".tmp").replace(self.path)


def weighted(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    return (F.cross_entropy(logits, batch.answers, reduction="none") * batch.weights).sum() / batch.weights.sum()


def run_text(work: Path, steps: int, size: int, rate: float, describe: int, seed: int) -> dict:
    """The decoder learns the language from labels and captions, without pictures."""
    torch.manual_seed(seed)
    book = Phrasebook(work)
    talker, simulator = Talker(), Simulator(book, seed)
    trainer = Trainer("text", work, talker, rate, steps, decay=False, connector=False)
    while trainer.step < steps:
        batch, marks = simulator.batch(trainer.step, size, describe)
        with torch.autocast("cpu", torch.bfloat16):
            visual = simulator.visual(talker.lm.model.embed_tokens.weight, marks, size, trainer.step)
            loss = weighted(talker.answer_logits(batch, visual), batch)
        trainer.update(loss)
    return {"steps": steps, "pictures": steps * size, "log": trainer.log[-1:]}


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
        return self.book.pack(conversations), marks

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
    made = embedding[tokens.NOTHING_ID].expand(size * 16, HIDDEN) * 0.3
    where = torch.tensor([row * 16 + cell for row, cell, _, _ in marks], dtype=torch.long)
    strength = torch.tensor([m[3] for m in marks])
    named = torch.tensor([m[2] for m in marks], dtype=torch.long)
    return made.index_add(0, where, embedding[named] * strength[:, None]).view(size, 16, HIDDEN)


def likeness(visual: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    wanted = wanted.float().detach()
    return F.mse_loss(visual.float(), wanted) / wanted.var().clamp(min=1e-8)


def dropped(cells: torch.Tensor) -> torch.Tensor:
    """Training noise: a fifth of the channels of each picture and a tenth of its cells are blanked."""
    channels = (torch.rand(len(cells), 1, cells.shape[2]) > 0.2) / 0.8
    return cells * channels * (torch.rand(len(cells), 16, 1) > 0.1)


@torch.no_grad()
def check(talker: Talker, album: Album, size: int = 25) -> dict:
    """Loss on development pictures, and how many yes/no answers are right."""
    talker.eval()
    losses, right = [], []
    yes, no = (album.book.encode(word)[0] for word in (" Yes", " No"))
    for start in range(0, len(album.check), size):
        rows = [(i, 0) for i in album.check[start : start + size]]
        batch, _ = album.about(rows, 2, random.Random(start))
        with torch.autocast("cpu", torch.bfloat16):
            logits = talker.answer_logits(batch, talker.look(album.seen(rows)))
        losses.append(float(weighted(logits, batch)))
        asked = (batch.answers == yes) | (batch.answers == no)
        right += ((logits[asked, yes] > logits[asked, no]) == (batch.answers[asked] == yes)).tolist()
    talker.train()
    return {"dev_loss": round(float(np.mean(losses)), 4), "yes_no": round(float(np.mean(right)), 4)}


def warm_connector(talker: Talker, album: Album, steps: int, size: int = 48) -> float:
    """The connector learns to say in the decoder's words what each cell shows; the decoder only lends its table."""
    optimizer = torch.optim.AdamW([*talker.linear_1.parameters(), *talker.linear_2.parameters()], lr=2e-3, weight_decay=0.05)
    table, loss = talker.lm.model.embed_tokens.weight, torch.zeros(())
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 20) * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        rng = random.Random(step)
        rows = [(rng.choice(album.own + album.borrowed), rng.randrange(data.VIEWS)) for _ in range(size)]
        marks = []
        for row, (i, view) in enumerate(rows):
            picture = album.book.pictures[i]
            boxes = tail.trusted_boxes(picture, view)
            marks += album.marks(row, set(picture["labels"] or []), boxes, album.captions[i])
        with torch.autocast("cpu", torch.bfloat16):
            loss = likeness(talker.look(dropped(album.seen(rows))), target(table.detach(), marks, size))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            print(f"[talk] connector {step}/{steps} {float(loss.detach()):.3f}", flush=True)
    return float(loss.detach())


def average_weights(model: nn.Module) -> None:
    """Replaces every parameter by its mean over the processes, in one exchange."""
    if workers.count() == 1:
        return
    with torch.no_grad():
        flat = torch.cat([p.flatten() for p in model.parameters()])
        torch.distributed.all_reduce(flat)
        flat /= workers.count()
        at = 0
        for p in model.parameters():
            p.copy_(flat[at : at + p.numel()].view_as(p))
            at += p.numel()


def run_talk(work: Path, warm: int, steps: int, size: int, rate: float, describe: int, seed: int) -> dict:
    """Connector and decoder on real pictures. Processes train on pictures of their own and meet every few steps."""
    torch.manual_seed(seed)
    rank = workers.rank()
    book = Phrasebook(work)
    talker, album = Talker(), Album(book, work, seed)
    talker.load_state_dict(torch.load(work / "text.pt", weights_only=False)["model"])
    trainer = Trainer("talk", work, talker, rate, steps, decay=True, connector=True)
    trainer.writes = rank == 0
    if trainer.step == 0:
        warm_connector(talker, album, warm)
    torch.manual_seed(seed + 1 + rank)
    while trainer.step < steps:
        batch, marks, rows = album.draw(trainer.step, size, describe, rank)
        with torch.autocast("cpu", torch.bfloat16):
            visual = talker.look(dropped(album.seen(rows)))
            loss = weighted(talker.answer_logits(batch, visual), batch)
            loss = loss + ALIGNMENT_WEIGHT * likeness(visual, target(talker.lm.model.embed_tokens.weight, marks, size))
        if trainer.step % MEET == MEET - 1 or trainer.step == steps - 1:
            trainer.update(loss, before_log=lambda: average_weights(talker), more=lambda: look_up(trainer, talker, album))
        else:
            trainer.update(loss)
    return {"steps": steps, "pictures": steps * size * workers.count(), "log": trainer.log[-1:]}


def look_up(trainer: Trainer, talker: Talker, album: Album) -> dict:
    return check(talker, album) if trainer.step % CHECK_EVERY == 0 or trainer.step >= trainer.steps else {}


def folded(talker: Talker, album: Album) -> tuple[torch.Tensor, torch.Tensor]:
    """linear_1 on raw cells: the standardisation of its inputs goes into weight and bias."""
    weight = talker.linear_1.weight / album.std
    return weight, talker.linear_1.bias - weight @ album.mean
