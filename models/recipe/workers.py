"""Training by several processes: each takes its share of every batch, and gradients are averaged.

On a machine that others use too, processes of one thread each do better than one
process with many threads, which waits for its slowest thread in every product.
"""
import os

import torch
import torch.distributed as dist


def join(rank: int, count: int) -> None:
    """Makes this process one of `count`."""
    if count > 1:
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", "29617")
        dist.init_process_group("gloo", rank=rank, world_size=count)


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def wait_for_all() -> None:
    if count() > 1:
        dist.barrier()


def average_gradients(model: torch.nn.Module) -> None:
    """Replaces every gradient by its mean over the processes, in one exchange."""
    if count() == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= count()
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()
