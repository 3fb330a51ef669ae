"""Alignment on photographs in PyTorch and PEFT: pairs by the scorer or by the detector, DPO and SimPO, on the bundled models.

Pairs follow the page's own rule (run by Node); the losses are TRL's with the page's defaults. CHAIR is measured on
greedy descriptions of 500 held-out pictures, against their true labels and captions. The answers that are paired come
from 250 other pictures on which nothing was trained: each seed picks 150 of them and samples its own answers.

Run: python bench/study/photo_replica.py --data FOLDER --work FOLDER --seeds 8     (requirements: models/recipe, peft)
FOLDERs as for models/recipe/photo/make.py, whose stage `prepare` must have been run.
"""
import argparse
import json
import random
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForImageTextToText

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "models/recipe"))

from photo import evaluate, judge, language, match, tokens  # noqa: E402
from photo.data import CLASSES  # noqa: E402
from world import bundle  # noqa: E402

from preference import CANDIDATES, LONGEST_ANSWER, MAX_TOKENS, TEMPERATURE, TRAININGS, Talker, chosen_pairs, train  # noqa: E402

HELD_OUT = evaluate.CHAIR_PICTURES
#: Scores from which the page shows a box: src/models/detector.ts.
BOX_SCORE = 0.35


class PhotoTalker(Talker):
    def __init__(self, folder: Path):
        vlm = AutoModelForImageTextToText.from_pretrained(folder / "photo-vlm", dtype=torch.float32).eval().requires_grad_(False)
        tokenizer = Tokenizer.from_file(str(folder / "photo-vlm/tokenizer.json"))
        super().__init__(vlm, vlm.model.language_model, tokenizer, tokens)


class Scorer:
    """Cosine similarity of answers with a picture, as photo-clip gives it in the page."""

    def __init__(self, folder: Path, embeds: np.ndarray):
        self.embeds = embeds
        self.session = judge.session_of(folder / "photo-clip/onnx/text_model.onnx")
        self.tokenizer = Tokenizer.from_file(str(folder / "photo-clip/tokenizer.json"))
        self.tokenizer.enable_truncation(match.LONGEST)
        self.tokenizer.enable_padding(pad_id=tokens.PAD_ID, pad_token=tokens.PAD, length=match.LONGEST)

    def __call__(self, picture: int, texts: list[str]) -> list[float]:
        ids = np.array([each.ids for each in self.tokenizer.encode_batch(texts)], np.int64)
        rows = self.session.run(None, {"input_ids": ids})[0]
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True) @ self.embeds[picture]).tolist()


class Judge:
    """The reward of the truth by what the detector sees: src/preference/metrics/truth-reward.ts."""

    def __init__(self, folder: Path, paths: list[Path]):
        session = judge.session_of(folder / "photo-detector/onnx/model.onnx")
        calibration = json.loads((folder / "photo-detector/config.json").read_text())["calibration"]
        self.there, self.doubtful = [], []
        for path in paths:
            best = judge.best_scores(session, path)
            chance = judge.chances(best, calibration)
            there = {kind for kind in range(len(CLASSES)) if best[0, kind] >= BOX_SCORE and chance[kind] >= calibration["threshold"]}
            self.there.append(there)
            self.doubtful.append({kind for kind in range(len(CLASSES)) if chance[kind] >= calibration["threshold"]} - there)

    def __call__(self, picture: int, texts: list[str]) -> list[float]:
        there, found = self.there[picture], []
        for text in texts:
            named = set(language.mentions(text)) - self.doubtful[picture]
            found.append((2 * len(named & there) - len(named)) / max(1, len(there)))
        return found


def answered(talker: Talker, visual: torch.Tensor, chosen: list[int], seed: int) -> list[list[str]]:
    """Distinct whole answers to each picture of a pool."""
    torch.manual_seed(seed)
    found = []
    for at in range(0, len(chosen), 10):
        some = chosen[at : at + 10]
        answers = talker.generate(talker.text, visual[some].repeat_interleave(CANDIDATES, 0), MAX_TOKENS, TEMPERATURE)
        found += [sorted({text for text in answers[i * CANDIDATES : (i + 1) * CANDIDATES] if text}) for i in range(len(some))]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--images", type=int, default=150, help="pictures sampled per seed")
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--trainings", nargs="+", choices=TRAININGS, default=[*TRAININGS])
    parser.add_argument("--judges", nargs="+", choices=("scorer", "detector"), default=["scorer", "detector"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures = json.loads((options.work / "pictures.json").read_text())
    test = [p for p in pictures if p["split"] == "test" and p["labels"]]
    held_out, pool = test[:HELD_OUT], test[HELD_OUT:] + [p for p in pictures if p["split"] == "dev" and p["labels"]]
    paths = [options.work / picture["path"] for picture in held_out + pool]
    visual, embeds = evaluate.looked_at(options.models, paths)
    truths = [judge.truth_of(picture) for picture in held_out]
    talker = PhotoTalker(options.models)
    judges = {"scorer": lambda: Scorer(options.models, embeds[HELD_OUT:]), "detector": lambda: Judge(options.models, paths[HELD_OUT:])}
    judges = {name: judges[name]() for name in options.judges}
    choose = bundle("../../bench/study/choose_pairs.ts", Path(tempfile.mkdtemp()))

    def grades(text) -> dict:
        parts = [talker.generate(text, visual[at : min(at + 100, HELD_OUT)], LONGEST_ANSWER, 0) for at in range(0, HELD_OUT, 100)]
        return evaluate.chair([answer for part in parts for answer in part], truths)

    before, runs = grades(talker.text), []
    print("before", before, flush=True)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        chosen = sorted(random.Random(seed).sample(range(len(pool)), min(options.images, len(pool))))
        answers = answered(talker, visual[HELD_OUT:], chosen, seed)
        for by, score in judges.items():
            scored = [
                [dict(text=text, score=value) for text, value in zip(texts, score(picture, texts))] if len(texts) > 1 else []
                for picture, texts in zip(chosen, answers)
            ]
            kept = chosen_pairs(choose, scored, options.pairs)
            pairs = [dict(pair, visual=visual[HELD_OUT + chosen[pair["picture"]]]) for pair in kept]
            for name in options.trainings:
                text = train(talker, pairs, seed, **TRAININGS[name])
                runs.append(dict(seed=seed, by=by, name=name, pairs=len(pairs), after=grades(text)))
                talker.text = text.unload()
                print(runs[-1], flush=True)
    if options.out:
        options.out.write_text(json.dumps(dict(before=before, runs=runs), indent=1) + "\n")
    for by in options.judges:
        for name in options.trainings:
            for measure in ("chair_i", "cover"):
                values = [run["after"][measure] for run in runs if run["name"] == name and run["by"] == by]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                mean = statistics.mean(values)
                print(f"{name} by {by}: {measure} {before[measure]:.1%} -> {mean:.1%} (sd {spread:.1%}, {mean / before[measure] - 1:+.0%})")


if __name__ == "__main__":
    main()
