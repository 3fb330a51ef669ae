"""Optimisers, rates and checkpoints of the talker's two stages."""
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import workers
from photo.phrasebook import Batch


class Trainer:
    """Muon for the decoder's matrices, AdamW for the rest; checkpoints with everything, resumable by step.

    A stage that another one follows keeps its rate (`decay=False`); the last one ends on a cosine.
    """

    #: Whether this process writes the checkpoints.
    writes = True

    def __init__(self, name: str, work: Path, model: nn.Module, rate: float, steps: int, decay: bool, connector: bool):
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
