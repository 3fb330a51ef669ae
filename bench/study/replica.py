"""The alignment study (run.mjs) in PyTorch and PEFT, for more seeds and scenes than a software GPU can do.

The same scenes, the page's own rule for pairs (run by Node), TRL's losses on the same defaults, greedy
descriptions of the same held-out scenes, marked by the page's own metrics. Random numbers differ from the page's.

Run: python bench/study/replica.py --seeds 5 --scenes 500 [--out study.json]     (requirements: models/recipe)
"""
import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
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

# bench/study/pairs.ts, src/preference/judged-pairs.ts, src/state/defaults.ts
FIRST_SCENE, SCENES_PER_SEED = 5_000_000, 10_000
CANDIDATES, TEMPERATURE, TOP_P, MAX_TOKENS = 12, 1.0, 0.95, 48
PROMPT = "Describe the image."
LONGEST_ANSWER = 64
# src/training/config.ts
LORA = dict(r=16, lora_alpha=32)
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# The defaults of the page: src/kernels/losses/{dpo_sigmoid,simpo}/loss.ts over src/training/config.ts
TRAININGS = {
    "DPO": dict(loss="dpo", beta=0.5, learning_rate=1.5e-3, batch=8, epochs=8),
    "SimPO": dict(loss="simpo", beta=10.0, gamma=0.5, learning_rate=1e-3, batch=8, epochs=6),
}


class Models:
    """The bundled VLM and CLIP; the vision tower's work is done once per scene."""

    def __init__(self, folder: Path):
        load = lambda kind, name: kind.from_pretrained(folder / name, dtype=torch.float32).eval().requires_grad_(False)
        self.vlm = load(AutoModelForImageTextToText, "toybox-vlm")
        self.clip = load(CLIPModel, "toybox-clip")
        self.text = self.vlm.model.text_model
        self.tokenizer = Tokenizer.from_file(str(folder / "toybox-vlm/tokenizer.json"))
        self.clip_tokenizer = AutoTokenizer.from_pretrained(folder / "toybox-clip")
        ids = lambda text: self.tokenizer.encode(text).ids
        self.prompt = torch.tensor(ids(tokens.PREFIX) + ids(tokens.prompt_after_image(PROMPT)))
        self.embed = self.text.embed_tokens

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

    def prompts(self, visual):
        embedded = self.embed(self.prompt)[None].repeat(len(visual), 1, 1)
        embedded[:, self.prompt == tokens.IMAGE_ID] = visual
        return embedded

    @torch.no_grad()
    def generate(self, text, visual, longest: int, temperature: float):
        """Answers, None for one that was cut off; temperature 0 is greedy."""
        output = text(inputs_embeds=self.prompts(visual), use_cache=True)
        rows, ended = [[] for _ in visual], torch.zeros(len(visual), dtype=torch.bool)
        for _ in range(longest):
            logits = self.vlm.lm_head(output.last_hidden_state[:, -1])
            drawn = logits.argmax(-1) if temperature == 0 else draw(logits / temperature)
            ended |= drawn == tokens.END_ID
            for row, token, over in zip(rows, drawn.tolist(), ended.tolist()):
                if not over:
                    row.append(token)
            if ended.all():
                break
            output = text(input_ids=drawn[:, None], past_key_values=output.past_key_values, use_cache=True)
        answers = [self.tokenizer.decode(row, skip_special_tokens=True).strip() for row in rows]
        return [answer if over or temperature == 0 else None for answer, over in zip(answers, ended.tolist())]


def draw(logits):
    """One token per row from the nucleus of TOP_P."""
    shares, ids = logits.softmax(-1).sort(-1, descending=True)
    shares[shares.cumsum(-1) - shares >= TOP_P] = 0
    return ids.gather(1, torch.multinomial(shares, 1))[:, 0]


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
            found.append(dict(visual=visual[i], answers=[dict(text=t, clip=c) for t, c in zip(texts, scores)]))
    given = json.dumps(dict(most=wanted, pictures=[each["answers"] for each in found])).encode()
    kept = json.loads(subprocess.run(["node", str(choose)], input=given, stdout=subprocess.PIPE, check=True).stdout)
    return [dict(pair, visual=found[pair["picture"]]["visual"]) for pair in kept]


def token_logps(models: Models, text, pairs: list[dict]):
    """Sums of log-probabilities and lengths, [pairs, (chosen, rejected)]."""
    encode = lambda answer: models.tokenizer.encode(tokens.answer_text(answer)).ids
    rows = [encode(pair[side]) for pair in pairs for side in ("chosen", "rejected")]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [tokens.PAD_ID] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    visual = torch.stack([pair["visual"] for pair in pairs for _ in (0, 1)])
    embedded = torch.cat([models.prompts(visual), models.embed(ids)], 1)
    before = len(models.prompt)
    visible = torch.cat([torch.ones(len(rows), before, dtype=torch.long), mask], 1)
    hidden = text(inputs_embeds=embedded, attention_mask=visible, use_cache=False).last_hidden_state[:, before - 1 : -1]
    logps = models.vlm.lm_head(hidden).log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    return (logps * mask).sum(-1).view(-1, 2), mask.sum(-1).view(-1, 2)


def train(models: Models, pairs: list[dict], seed: int, loss: str, beta: float, learning_rate, batch, epochs, gamma=0.0):
    """A decoder with a trained adapter: TRL's DPOTrainer (sigmoid) or CPOTrainer (simpo), linear schedule, AdamW."""
    torch.manual_seed(seed)
    text = get_peft_model(models.text, LoraConfig(**LORA, target_modules=TARGETS))
    with torch.no_grad(), text.disable_adapter():
        reference = torch.cat([token_logps(models, text, pairs[i : i + 8])[0] for i in range(0, len(pairs), 8)])
    parameters = [parameter for parameter in text.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0)
    shuffled, per_epoch = random.Random(seed), -(-len(pairs) // batch)
    steps = epochs * per_epoch
    orders = [shuffled.sample(range(len(pairs)), len(pairs)) for _ in range(epochs)]
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
        first = step % per_epoch * batch
        taken = orders[step // per_epoch][first : first + batch]
        sums, lengths = token_logps(models, text, [pairs[i] for i in taken])
        values = sums - reference[taken] if loss == "dpo" else sums / lengths
        objective = -F.logsigmoid(beta * (values[:, 0] - values[:, 1]) - gamma).mean()
        optimizer.zero_grad()
        objective.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return text


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
