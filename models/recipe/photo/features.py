"""The frozen trunk over every view of every picture, once: f16 maps on disk, resumable."""
import json
from pathlib import Path

import numpy as np
import torch

from photo import backbone, data

MAP = (112, 16, 16)
BATCH = 16


def open_maps(work: Path, number: int, mode: str = "r") -> np.ndarray:
    path = work / "maps.npy"
    if not path.exists():
        return np.lib.format.open_memmap(path, "w+", np.float16, (number, data.VIEWS, *MAP))
    return np.lib.format.open_memmap(path, mode)


@torch.inference_mode()
def extract(work: Path, part: int = 0, parts: int = 1) -> dict:
    """Plain views in f32, the others (augmentation only) in bf16. `part` of `parts` lets processes share the work."""
    pictures = json.loads((work / "pictures.json").read_text())
    open_maps(work, len(pictures))
    maps = open_maps(work, len(pictures), "r+")
    trunk = backbone.Trunk(backbone.pretrained()).eval().to(memory_format=torch.channels_last)
    marker = work / f"maps-{part}-of-{parts}.done"
    done = int(marker.read_text()) if marker.exists() else 0
    jobs = [(view, i) for view in range(data.VIEWS) for i in range(part, len(pictures), parts)]
    for start in range(done, len(jobs), BATCH):
        batch = jobs[start : start + BATCH]
        pixels = [
            data.view_pixels(work / pictures[i]["path"], pictures[i]["id"], view, backbone.IMAGE_SIZE)
            for view, i in batch
        ]
        x = backbone.normalised(torch.from_numpy(np.stack(pixels))).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=batch[0][0] > 0):
            found = trunk(x).float().numpy()
        for (view, i), value in zip(batch, found):
            maps[i, view] = value
        if start // BATCH % 20 == 0:
            maps.flush()
            marker.write_text(str(start + len(batch)))
            print(f"[features {part}] {start + len(batch)} of {len(jobs)}", flush=True)
    maps.flush()
    marker.write_text(str(len(jobs)))
    return {"pictures": len(pictures), "views": data.VIEWS}
