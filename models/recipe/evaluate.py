"""The examination on held-out scenes: answers by PyTorch, questions and marks by the page's own TypeScript metrics."""
import json
import subprocess
import time
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import AutoModelForImageTextToText, AutoTokenizer, CLIPModel

import tokens
from clip import LONGEST_TEXT
from settings import HELD_OUT_SEED, Settings
from vision import normalised, tower_forward
from vlm import make_talking_model
from world import World, bundle

BATCH = 100
LONGEST_ANSWER = 64
POPE_SETTINGS = ("random", "popular", "adversarial")


class Examiner:
    """Calls the examination's command line program."""

    def __init__(self, work: Path, size: int):
        self.script, self.size = bundle("exam_cli.ts", work), size

    def _call(self, command: str, given=None, *more) -> dict:
        run = ["node", str(self.script), command, str(self.size), *map(str, more)]
        done = subprocess.run(run, input=json.dumps(given).encode(), stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def questions(self) -> dict:
        return self._call("exam")

    def grade(self, **answers) -> dict:
        return self._call("grade", answers)

    def explain(self, describe: list[str]) -> list[dict]:
        return self._call("explain", {"describe": describe})

    def bias(self, first_seed: int, companion_rate: float) -> dict:
        return self._call("bias", None, first_seed, companion_rate)


class Answerer:
    """Greedy answers of a VLM. Visual features are computed once per scene."""

    def __init__(self, vlm, tokenizer, world: World, scenes: int):
        self.model, self.tokenizer = vlm.eval(), tokenizer
        self.prefix = tokenizer.encode(tokens.PREFIX).ids
        features = []
        with torch.no_grad():
            for first in range(0, scenes, BATCH):
                pixels = world.batch("vision", HELD_OUT_SEED + first, min(BATCH, scenes - first)).pixels
                features.append(vlm.model.connector(tower_forward(vlm.model.vision_model, normalised(pixels))))
        self.features = torch.cat(features)

    def _prompts(self, asked: list[dict]):
        """Left-padded prompt embeddings with the scene's visual features in place."""
        rows = [self.prefix + self.tokenizer.encode(tokens.prompt_after_image(item["prompt"])).ids for item in asked]
        length = max(map(len, rows))
        ids = torch.tensor([[tokens.PAD_ID] * (length - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
        embeds = self.model.model.text_model.embed_tokens(ids)
        features = self.features[[item["scene"] for item in asked]]
        embeds[ids == tokens.IMAGE_ID] = features.flatten(0, 1)
        return embeds, mask

    @torch.no_grad()
    def answers(self, asked: list[dict], longest: int = LONGEST_ANSWER) -> list[str]:
        texts = []
        for first in range(0, len(asked), BATCH):
            embeds, mask = self._prompts(asked[first : first + BATCH])
            written = self._continue(embeds, mask, longest)
            texts += [self.tokenizer.decode(row, skip_special_tokens=True).strip() for row in written]
        return texts

    def _continue(self, embeds, mask, longest: int) -> list[list[int]]:
        """Greedy decoding with a key-value cache until every row has ended."""
        text, head = self.model.model.text_model, self.model.lm_head
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        output = text(inputs_embeds=embeds, attention_mask=mask, position_ids=positions, use_cache=True)
        rows, ended = [[] for _ in range(len(mask))], torch.zeros(len(mask), dtype=torch.bool)
        for _ in range(longest):
            chosen = head(output.last_hidden_state[:, -1]).argmax(-1)
            ended |= chosen == tokens.END_ID
            for row, token, over in zip(rows, chosen.tolist(), ended.tolist()):
                if not over:
                    row.append(token)
            if ended.all():
                break
            mask = torch.cat([mask, torch.ones(len(mask), 1, dtype=mask.dtype)], 1)
            positions = mask.sum(1, keepdim=True) - 1
            output = text(
                input_ids=chosen[:, None],
                attention_mask=mask,
                position_ids=positions,
                past_key_values=output.past_key_values,
                use_cache=True,
            )
        return rows


def vlm_answers(vlm, tokenizer, world: World, questions: dict) -> dict:
    """Answers to the whole examination."""
    answerer = Answerer(vlm, tokenizer, world, len(questions["scenes"]))
    given = {"describe": answerer.answers(questions["describe"])}
    given["pope"] = {setting: answerer.answers(questions["pope"][setting], 16) for setting in POPE_SETTINGS}
    given["count"] = answerer.answers(questions["count"], 16)
    return given


@torch.no_grad()
def clip_scores(clip: CLIPModel, tokenizer, world: World, captions: list[dict]) -> dict:
    """Similarities of each scene with its block of clean captions, and with its own corrupted caption."""

    def embed(texts):
        ids = tokenizer(texts, padding=True, truncation=True, max_length=LONGEST_TEXT, return_tensors="pt").input_ids
        return F.normalize(clip.text_projection(clip.text_model(ids).pooler_output), dim=-1)

    block, added = [], []
    for first in range(0, len(captions), BATCH):
        part = captions[first : first + BATCH]
        pixels = normalised(world.batch("vision", HELD_OUT_SEED + first, len(part)).pixels)
        images = F.normalize(clip.visual_projection(clip.vision_model(pixels).pooler_output), dim=-1)
        block += (images @ embed([c["clean"] for c in part]).T).tolist()
        added += (images * embed([c["added"] for c in part])).sum(-1).tolist()
    return {"block": block, "added": added}


def run_before(settings: Settings, world: World, work: Path) -> dict:
    """Stage 4: the examination of the VLM before it meets the bias."""
    model, _ = make_talking_model(settings, world, work)
    model.load_state_dict(torch.load(work / "polish.pt", weights_only=False)["model"])
    examiner = Examiner(work, settings.evaluation_scenes)
    given = vlm_answers(model.vlm, tokens.load_tokenizer(work), world, examiner.questions())
    return {"stage": "before", "scenes": settings.evaluation_scenes, **examiner.grade(vlm=given)}


def run_bias(settings: Settings, world: World, work: Path) -> dict:
    """Measures how biased the biased data is, so that the report can say so."""
    examiner = Examiner(work, 20 * settings.evaluation_scenes)
    return {"stage": "bias", **examiner.bias(settings.habit.seed, settings.habit.companion_rate)}


def run_evaluate(settings: Settings, world: World, work: Path) -> dict:
    """Stage 8: the examination of the shipped folders as they are."""
    began = time.time()
    folder = work / "export"
    examiner = Examiner(work, settings.evaluation_scenes)
    questions = examiner.questions()
    vlm = AutoModelForImageTextToText.from_pretrained(folder / "toybox-vlm", dtype=torch.float32)
    given = vlm_answers(vlm, tokens.load_tokenizer(work), world, questions)
    clip = CLIPModel.from_pretrained(folder / "toybox-clip", dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "toybox-clip")
    scores = clip_scores(clip, tokenizer, world, questions["captions"])
    shipped = examiner.grade(vlm=given, clip=scores)
    (work / "answers.json").write_text(json.dumps(given))
    return {
        "stage": "evaluate",
        "scenes": settings.evaluation_scenes,
        **shipped,
        "seconds": round(time.time() - began),
    }
