"""photo-vlm: connector and decoder, first on simulated visual tokens, then on real ones."""
import math
import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

import workers
from photo import backbone, data, tail, tokens
from photo.album import Album, dropped, likeness, target
from photo.phrasebook import Phrasebook
from photo.simulator import Simulator
from photo.trainer import Trainer, average_weights, weighted

HIDDEN, LAYERS, CONTEXT = 192, 3, 512
ALIGNMENT_WEIGHT = 0.3
#: Of the pictures of a step in `talk`, those that the simulator makes: the language must not wear out.
SIMULATED = 0.25
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


def run_text(work: Path, steps: int, size: int, rate: float, describe: int, seed: int) -> dict:
    """The decoder learns the language from labels and captions, without pictures."""
    torch.manual_seed(seed)
    book = Phrasebook(work)
    talker, simulator = Talker(), Simulator(book, seed)
    trainer = Trainer("text", work, talker, rate, steps, decay=False, connector=False)
    while trainer.step < steps:
        conversations, marks = simulator.rows(trainer.step, size, describe)
        batch = book.pack(conversations)
        with torch.autocast("cpu", torch.bfloat16):
            visual = simulator.visual(talker.lm.model.embed_tokens.weight, marks, size, trainer.step)
            loss = weighted(talker.answer_logits(batch, visual), batch)
        trainer.update(loss)
    return {"steps": steps, "pictures": steps * size, "log": trainer.log[-1:]}


@torch.no_grad()
def check(talker: Talker, album: Album, size: int = 25) -> dict:
    """Loss on development pictures, and how many yes/no answers are right."""
    talker.eval()
    losses, right = [], []
    yes, no = (album.book.encode(word)[0] for word in (" Yes", " No"))
    for start in range(0, len(album.check), size):
        rows = [(i, 0) for i in album.check[start : start + size]]
        batch = album.book.pack(album.about(rows, 2, random.Random(start))[0])
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


def run_talk(work: Path, warm: int, steps: int, size: int, rate: float, describe: int, seed: int) -> dict:
    """Connector and decoder on real pictures. Processes train on pictures of their own and meet every few steps."""
    torch.manual_seed(seed)
    rank = workers.rank()
    book = Phrasebook(work)
    talker, album, simulator = Talker(), Album(book, work, seed), Simulator(book, seed + 7 + rank)
    real = size - round(SIMULATED * size)
    talker.load_state_dict(torch.load(work / "text.pt", weights_only=False)["model"])
    trainer = Trainer("talk", work, talker, rate, steps, decay=True, connector=True)
    trainer.writes = rank == 0
    if trainer.step == 0:
        warm_connector(talker, album, warm)
    torch.manual_seed(seed + 1 + rank)
    while trainer.step < steps:
        conversations, marks, rows = album.draw(trainer.step, real, describe, rank)
        imagined, signs = simulator.rows(trainer.step, size - real, describe)
        batch, table = book.pack(conversations + imagined), talker.lm.model.embed_tokens.weight
        with torch.autocast("cpu", torch.bfloat16):
            visual = talker.look(dropped(album.seen(rows)))
            simulated = simulator.visual(table, signs, size - real, trainer.step)
            loss = weighted(talker.answer_logits(batch, torch.cat([visual, simulated.to(visual.dtype)])), batch)
            loss = loss + ALIGNMENT_WEIGHT * likeness(visual, target(table, marks, real))
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
