"""The alignment study (run.mjs) in PyTorch and PEFT, for more seeds and scenes than a software GPU can do.

The same scenes, the page's own rule for pairs (run by Node), TRL's losses on the same defaults, greedy
descriptions of the same held-out scenes, marked by the page's own metrics. Random numbers differ from the page's.

Run: python bench/study/replica.py --seeds 5 --scenes 500 [--out study.json]     (requirements: models/recipe)
"""
import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from transformers import AutoModelForImageTextToText, AutoTokenizer, CLIPModel

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "models/recipe"))

import tokens  # noqa: E402
from clip import LONGEST_TEXT  # noqa: E402
from evaluate import Examiner  # noqa: E402
from settings import HELD_OUT_SEED  # noqa: E402
from vision import normalised, tower_forward  # noqa: E402
from world import World, bundle  # noqa: E402

from preference import CANDIDATES, LONGEST_ANSWER, MAX_TOKENS, TEMPERATURE, TRAININGS, Talker, chosen_pairs, train

# bench/study/pairs.ts
FIRST_SCENE, SCENES_PER_SEED = 5_000_000, 10_000


class Models(Talker):
    """The bundled VLM and CLIP; the vision tower's work is done once per scene."""

    def __init__(self, folder: Path):
        load = lambda kind, name: kind.from_pretrained(folder / name, dtype=torch.float32).eval().requires_grad_(False)
        vlm = load(AutoModelForImageTextToText, "toybox-vlm")
        super().__init__(vlm, vlm.model.text_model, Tokenizer.from_file(str(folder / "toybox-vlm/tokenizer.json")), tokens)
        self.clip = load(CLIPModel, "toybox-clip")
        self.clip_tokenizer = AutoTokenizer.from_pretrained(folder / "toybox-clip")

    @torch.no_grad()
    def see(self, pixels):
        """Visual tokens of the VLM, and unit embeddings of CLIP."""
        pixels = normalised(pixels)
        visual = self.vlm.model.connector(tower_forward(self.vlm.model.vision_model, pixels))
        return visual, F.normalize(self.clip.visual_projection(self.clip.vision_model(pixels).pooler_output), dim=-1)

    @torch.no_grad()
    def read(self, texts: list[str]):
        """Unit embeddings of CLIP."""
        options = dict(padding=True, truncation=True, max_length=LONGEST_TEXT, return_tensors="pt")
        ids = self.clip_tokenizer(texts, **options).input_ids
        return F.normalize(self.clip.text_projection(self.clip.text_model(ids).pooler_output), dim=-1)


def ranked_pairs(models: Models, world: World, choose: Path, seed: int, images: int, wanted: int) -> list[dict]:
    torch.manual_seed(seed)
    found = []
    for first in range(0, images, 8):
        scene = FIRST_SCENE + seed * SCENES_PER_SEED + first
        visual, seen = models.see(world.batch("vision", scene, min(8, images - first)).pixels)
        repeated = visual.repeat_interleave(CANDIDATES, 0)
        answers = models.generate(models.text, repeated, MAX_TOKENS, TEMPERATURE)
        for i in range(len(visual)):
            texts = sorted({text for text in answers[i * CANDIDATES : (i + 1) * CANDIDATES] if text})
            scores = (models.read(texts) @ seen[i]).tolist() if len(texts) > 1 else []
            found.append(dict(visual=visual[i], answers=[dict(text=t, score=c) for t, c in zip(texts, scores)]))
    kept = chosen_pairs(choose, [each["answers"] for each in found], wanted)
    return [dict(pair, visual=found[pair["picture"]]["visual"]) for pair in kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--scenes", type=int, default=500, help="held-out scenes")
    parser.add_argument("--images", type=int, default=192, help="scenes sampled per seed")
    parser.add_argument("--pairs", type=int, default=64)
    parser.add_argument("--trainings", nargs="+", choices=TRAININGS, default=[*TRAININGS])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    work = Path(tempfile.mkdtemp())
    world, models, examiner = World(work), Models(options.models), Examiner(work, options.scenes)
    choose = bundle("../../bench/study/choose_pairs.ts", work)
    chunks = [(i, min(100, options.scenes - i)) for i in range(0, options.scenes, 100)]
    held_out = [models.see(world.batch("vision", HELD_OUT_SEED + i, count).pixels)[0] for i, count in chunks]

    def grades(text) -> dict:
        answers = [answer for visual in held_out for answer in models.generate(text, visual, LONGEST_ANSWER, 0)]
        report = examiner.grade(vlm={"describe": answers})["vlm"]
        return {name: report[name] for name in ("chairI", "chairS", "cover", "precision", "f1")}

    before, runs = grades(models.text), []
    print("before", before, flush=True)
    seeds = [*range(options.first_seed, options.first_seed + options.seeds)]
    for seed in seeds:
        pairs = ranked_pairs(models, world, choose, seed, options.images, options.pairs)
        for name in options.trainings:
            text = train(models, pairs, seed, **TRAININGS[name])
            runs.append(dict(seed=seed, name=name, after=grades(text)))
            models.text = text.unload()
            print(runs[-1], flush=True)
    world.close()
    if options.out:
        names = [dict(name=name) for name in options.trainings]
        facts = dict(trainings=names, pairs=options.pairs, seeds=seeds, scenes=options.scenes)
        result = dict(adapter="PyTorch", options=facts, before=before, runs=runs)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    for name in options.trainings:
        for measure in ("chairI", "cover"):
            values = [run["after"][measure] for run in runs if run["name"] == name]
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            mean = statistics.mean(values)
            print(f"{name}: {measure} {before[measure]:.1%} -> {mean:.1%} (sd {spread:.1%}, {mean / before[measure] - 1:+.0%})")


if __name__ == "__main__":
    main()
