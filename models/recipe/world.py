"""Client of the Toybox world: the TypeScript scene code, run by Node, as a stream of training batches."""
import json
import struct
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import numpy as np

import workers

RECIPE = Path(__file__).resolve().parent
ROOT = RECIPE.parent.parent
ATLAS = ROOT / "src/toybox/sprites/atlas.bin"
SIZE, PATCHES = 128, 64


@dataclass
class Batch:
    """Samples with their pictures (uint8 [n, 3, 128, 128]) and per-patch targets."""

    samples: list[dict]
    pixels: np.ndarray
    patch_nouns: np.ndarray
    patch_offsets: np.ndarray


def bundle(source: str, work: Path) -> Path:
    """Bundles a TypeScript driver of this folder for Node with the project's esbuild."""
    target = work / (Path(source).stem + ".mjs")
    esbuild = ROOT / "node_modules/.bin/esbuild"
    command = [esbuild, RECIPE / source, "--bundle", "--platform=node", "--format=esm", f"--outfile={target}"]
    subprocess.run([*map(str, command), "--log-level=error"], check=True)
    return target


class World:
    """One Node process that answers requests for samples by seed."""

    def __init__(self, work: Path):
        script = bundle("world_server.ts", work)
        self.process = subprocess.Popen(
            ["node", str(script), str(ATLAS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def _read(self, size: int) -> bytes:
        data = self.process.stdout.read(size)
        if len(data) != size:
            raise RuntimeError("the Toybox world process ended early")
        return data

    def _ask(self, request: dict) -> dict:
        self.process.stdin.write((json.dumps(request) + "\n").encode())
        self.process.stdin.flush()
        (length,) = struct.unpack("<I", self._read(4))
        return json.loads(self._read(length))

    def nouns(self) -> list[dict]:
        """The vocabulary, in the order that patch labels use."""
        return self._ask({"kind": "vocabulary", "seed": 0, "count": 0})["nouns"]

    def batch(self, kind: str, seed: int, count: int, **options) -> Batch:
        """Samples of the seeds `seed` to `seed + count - 1`."""
        answer = self._ask({"kind": kind, "seed": seed, "count": count, **options})
        pixels = np.frombuffer(self._read(count * SIZE * SIZE * 3), np.uint8)
        nouns = np.frombuffer(self._read(count * PATCHES), np.uint8)
        offsets = np.frombuffer(self._read(count * PATCHES * 2), np.int8)
        return Batch(
            answer["samples"],
            pixels.reshape(count, SIZE, SIZE, 3).transpose(0, 3, 1, 2),
            nouns.reshape(count, PATCHES),
            offsets.reshape(count, PATCHES, 2),
        )

    def stream(self, kind: str, first_seed: int, batch: int, steps: int, skip: int = 0, prepare=None, **options):
        """Yields this process's share of `steps - skip` consecutive batches.

        They are made ahead in a thread; `prepare` runs in that thread.
        """
        share = batch // workers.count()
        first_seed += workers.rank() * share
        ready: Queue = Queue(maxsize=3)

        def produce():
            try:
                for step in range(skip, steps):
                    made = self.batch(kind, first_seed + step * batch, share, **options)
                    ready.put(prepare(made) if prepare else made)
            except Exception as error:  # handed to the consumer, which raises it
                ready.put(error)

        threading.Thread(target=produce, daemon=True).start()
        for _ in range(skip, steps):
            item = ready.get()
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self):
        self.process.stdin.close()
        self.process.wait()
