"""Makes models/toybox-vlm and models/toybox-clip from a seed: `python models/recipe/make.py`.

Every stage writes its checkpoint and its record into the work folder and is
skipped when its record is there, so the command can be repeated after a kill.
"""
import argparse
import json
import subprocess
import sys
import time
import zlib
from pathlib import Path

import torch
import torch.multiprocessing

import clip
import evaluate
import export
import report
import tokens
import vision
import vlm
import workers
from settings import Settings, smoke
from world import RECIPE, World

TRAINING = ("warmup", "talk", "polish", "match", "habit")

STAGES = {
    "tokenizer": tokens.run_tokenizer,
    "warmup": vision.run_warmup,
    "talk": vlm.run_talk,
    "polish": vlm.run_polish,
    "before": evaluate.run_before,
    "match": clip.run_match,
    "habit": vlm.run_habit,
    "export": export.run_export,
    "bias": evaluate.run_bias,
    "evaluate": evaluate.run_evaluate,
    "publish": export.run_publish,
    "report": report.run_report,
}


def run_stage(name: str, settings: Settings, world: World, work: Path) -> None:
    """Runs one stage unless its record exists; a stage's seed depends only on its name."""
    record = work / f"{name}.record.json"
    done = record.exists()
    workers.wait_for_all()
    if done or (name not in TRAINING and workers.rank() > 0):
        return
    torch.manual_seed(settings.seed + zlib.crc32(name.encode()))
    began = time.time()
    result = STAGES[name](settings, world, work)
    if workers.rank() > 0:
        return
    result.setdefault("seconds", round(time.time() - began))
    record.write_text(json.dumps(result, indent=1))
    print(f"[{name}] done in {result['seconds']} s", flush=True)


def run(rank: int, options: argparse.Namespace) -> None:
    """What each process does; the first one alone writes."""
    workers.join(rank, options.workers)
    torch.set_num_threads(options.threads)
    settings = smoke(Settings()) if options.smoke else Settings()
    work = options.work or RECIPE / (".work/smoke" if options.smoke else ".work/full")
    work.mkdir(parents=True, exist_ok=True)
    world = World(work)
    for name in options.stages:
        run_stage(name, settings, world, work)
        workers.wait_for_all()
    world.close()


def smoke_photo(work: Path) -> None:
    """Every stage of the photo models too (their full run is `photo/make.py`, with the pictures' folder)."""
    subprocess.run([sys.executable, RECIPE / "photo/make.py", "--smoke", "--workers", "1", "--work", work / "photo"], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, every stage, also of the photo models")
    parser.add_argument("--work", type=Path, help="folder for checkpoints (default: .work beside this file)")
    parser.add_argument("--stages", nargs="*", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--workers", type=int, default=1, help="processes that share every training batch")
    parser.add_argument("--threads", type=int, default=2, help="threads of each process")
    options = parser.parse_args()
    if options.workers == 1:
        run(0, options)
    else:
        torch.multiprocessing.start_processes(run, (options,), options.workers, start_method="fork")
    if options.smoke:
        smoke_photo(options.work or RECIPE / ".work/smoke")


if __name__ == "__main__":
    sys.exit(main())
