"""The training loop shared by all stages: schedule, bf16 autocast, checkpoints that survive a kill, progress."""
import json
import math
import os
import time
from pathlib import Path

import torch

import workers
from settings import Settings, Stage


def learning_rate_at(step: int, stage: Stage) -> float:
    """Linear warm-up, then a cosine down to 2 % of the peak."""
    if step < stage.warmup:
        return stage.learning_rate * (step + 1) / stage.warmup
    progress = (step - stage.warmup) / max(1, stage.steps - stage.warmup)
    return stage.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def make_optimizer(model: torch.nn.Module, stage: Stage) -> torch.optim.Optimizer:
    """AdamW; vectors (biases, norms) are not decayed, and a vision tower inside a larger model learns at its own rate."""
    groups = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            rate = stage.tower_rate if ".vision_model." in name else 1.0
            groups.setdefault((rate, parameter.ndim >= 2), []).append(parameter)
    options = [
        {"params": parameters, "rate": rate, "weight_decay": stage.weight_decay if matrix else 0.0}
        for (rate, matrix), parameters in groups.items()
    ]
    return torch.optim.AdamW(options, lr=stage.learning_rate, betas=(0.9, 0.98), fused=True)


def save_atomically(state: dict, path: Path) -> None:
    """A kill in the middle of a save leaves the previous checkpoint."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def train(name: str, model: torch.nn.Module, stage: Stage, batches, loss_of, settings: Settings, work: Path) -> dict:
    """Trains `model` until `stage.steps`; `batches(skip)` streams, `loss_of(batch)` gives a dict with `loss`.

    Returns the record that lands in models/README.md. Runs again from the last
    checkpoint after a kill; returns at once when the stage is already finished.
    """
    path = work / f"{name}.pt"
    optimizer = make_optimizer(model, stage)
    step, seconds, history = 0, 0.0, []
    workers.wait_for_all()
    if path.exists():
        state = torch.load(path, weights_only=False)
        model.load_state_dict(state["model"])
        step, seconds, history = state["step"], state["seconds"], state["history"]
        if state.get("optimizer"):
            optimizer.load_state_dict(state["optimizer"])
        if workers.rank() == 0:
            print(f"[{name}] resumed at step {step} of {stage.steps}", flush=True)
    model.train()
    began, sums, counted = time.time(), {}, 0

    def checkpoint(finished: bool) -> None:
        if workers.rank() > 0:
            return
        state = {"model": model.state_dict(), "step": step, "history": history}
        state["seconds"] = seconds + time.time() - began
        state["optimizer"] = None if finished else optimizer.state_dict()
        save_atomically(state, path)

    for batch in batches(step):
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * learning_rate_at(step, stage)
        with torch.autocast("cpu", torch.bfloat16):
            losses = loss_of(batch)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        workers.average_gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        counted += 1
        for key, value in losses.items():
            sums[key] = sums.get(key, 0.0) + float(value.detach())
        if step % 50 == 0 or step == stage.steps:
            means = {key: round(value / counted, 4) for key, value in sums.items()}
            history.append({"step": step, **means})
            elapsed = seconds + time.time() - began
            if workers.rank() == 0:
                print(f"[{name}] {step}/{stage.steps} {elapsed:.0f}s {json.dumps(means)}", flush=True)
            sums, counted = {}, 0
        if step % settings.checkpoint_every == 0:
            checkpoint(finished=False)
    if step >= stage.steps:
        checkpoint(finished=True)
    total = seconds + time.time() - began
    return {"stage": name, "steps": step, "scenes": step * stage.batch, "seconds": round(total), "history": history}
