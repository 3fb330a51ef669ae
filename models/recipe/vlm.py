"""toybox-vlm: the model, its packed training sequences and its two training stages."""
import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn
from transformers import Idefics3Config, Idefics3ForConditionalGeneration, LlamaConfig

import tokens
from settings import VISUAL_TOKENS, VOCABULARY, Settings, Stage
from training import train
from vision import PatchHead, make_tower, normalised, tower_forward
from world import Batch, World

CONTEXT = 1024
PATCH_LOSS_WEIGHT = 0.2
ALIGNMENT_WEIGHT = 0.3
# The token that a visual token without an object's centre should resemble, and how much that counts.
NOTHING_HERE = tokens.SPECIAL.index(tokens.GLOBAL)
EMPTY_WEIGHT = 1.0
# Words that say what is seen weigh more than the turns of phrase around them, which are chance.
COUNT_WORDS = ["a", "an", "one", "two", "three", "four", "five", "A", "An", "One", "Two", "Three", "Four"]
CONTENT_WEIGHT = 3.0
# Counting is the hardest task and its answers are the shortest.
COUNTING_WEIGHT = 3.0
OTHER_QUESTIONS_PER_SCENE = 2


def make_vlm(settings: Settings) -> Idefics3ForConditionalGeneration:
    """The model with fresh weights."""
    text = LlamaConfig(
        **settings.text,
        vocab_size=VOCABULARY,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5,
        rope_theta=10000.0,
        tie_word_embeddings=True,
        attention_bias=False,
        bos_token_id=tokens.START_ID,
        eos_token_id=tokens.END_ID,
        pad_token_id=tokens.PAD_ID,
    )
    config = Idefics3Config(
        vision_config={**settings.vision, "model_type": "idefics3_vision"},
        text_config=text,
        image_token_id=tokens.IMAGE_ID,
        scale_factor=2,
        tie_word_embeddings=True,
        pad_token_id=tokens.PAD_ID,
        attn_implementation="eager",
    )
    return Idefics3ForConditionalGeneration(config)


class Packer:
    """Packs all questions of a scene into one sequence behind a shared image prefix.

    Every question with its answer sees the prefix and itself only, and counts
    positions from the end of the prefix: the loss is the same as for separate
    sequences, at about half the cost.
    """

    def __init__(self, tokenizer: Tokenizer):
        self.encode = lambda text: tokenizer.encode(text).ids
        self.prefix = self.encode(tokens.PREFIX)
        self.image_start = self.prefix.index(tokens.IMAGE_ID)

    def _some_of(self, sample: dict) -> list[dict]:
        """The description, a few of the other questions (the same ones for the same seed) and the counting exercise."""
        first, *others = sample["questions"]
        others = [item for item in others if item["task"] != "count"]
        chosen = np.random.default_rng(sample["seed"]).permutation(len(others))[: OTHER_QUESTIONS_PER_SCENE]
        return [first, *(others[i] for i in chosen), *sample["counting"]]

    def _scene(self, questions: list[dict]):
        """Token ids, positions, segment numbers, labels (-100 where no loss) and what each label weighs, of one scene."""
        ids, positions = list(self.prefix), list(range(len(self.prefix)))
        segments, labels, weights = [0] * len(ids), [-100] * len(ids), [0.0] * len(ids)
        for number, item in enumerate(questions, start=1):
            asked = self.encode(tokens.prompt_after_image(item["question"]))
            answer = self.encode(tokens.answer_text(item["answer"]))
            ids += asked + answer
            positions += range(len(self.prefix), len(self.prefix) + len(asked) + len(answer))
            segments += [number] * (len(asked) + len(answer))
            # The label of a place is the token that follows it, so the first answer token is read off the prompt's last.
            labels += [-100] * (len(asked) - 1) + answer + [-100]
            weight = COUNTING_WEIGHT if item["task"] == "count" else 1.0
            weights += [weight] * (len(asked) + len(answer))
        return ids, positions, segments, labels, weights

    def __call__(self, batch: Batch) -> Batch:
        scenes = [self._scene(self._some_of(sample)) for sample in batch.samples]
        length = -(-max(len(ids) for ids, *_ in scenes) // 8) * 8
        fill = lambda rows, value: np.array([row + [value] * (length - len(row)) for row in rows])
        ids, positions, segments, labels, weights = zip(*scenes)
        batch.ids, batch.labels, batch.weights = fill(ids, tokens.PAD_ID), fill(labels, -100), fill(weights, 0.0)
        batch.positions, segments = fill(positions, 0), fill(segments, -1)
        same = segments[:, :, None] == segments[:, None, :]
        visible = (same | (segments[:, None, :] == 0)) & np.tri(length, dtype=bool)
        batch.visible = visible[:, None]
        return batch


class TalkingModel(nn.Module):
    """The VLM with the patch head that keeps its eyes sharp during training."""

    def __init__(self, settings: Settings, nouns: list[dict], packer: Packer):
        super().__init__()
        self.vlm = make_vlm(settings)
        self.head = PatchHead(settings.vision["hidden_size"], len(nouns))
        first = lambda word: packer.encode(f" {word}")[0]
        self.noun_tokens = torch.tensor([first(noun["noun"]) for noun in nouns])
        self.token_weights = torch.ones(VOCABULARY)
        content = [noun[form] for noun in nouns for form in ("noun", "plural")] + COUNT_WORDS
        self.token_weights[[first(word) for word in content]] = CONTENT_WEIGHT
        self.image_start = packer.image_start
        self.stage = settings.talk

    def answer_logits(self, batch: Batch):
        """Logits at every place whose next token belongs to an answer, those tokens, the patch features and the visual tokens."""
        model = self.vlm.model
        with torch.set_grad_enabled(self.stage.train_tower and self.training):
            patches = tower_forward(model.vision_model, normalised(batch.pixels))
        visual = model.connector(patches)
        embedded = model.text_model.embed_tokens(torch.tensor(batch.ids)).to(visual.dtype)
        start = self.image_start
        embedded = torch.cat([embedded[:, :start], visual, embedded[:, start + VISUAL_TOKENS :]], 1)
        visible = torch.tensor(batch.visible)
        mask = torch.zeros(visible.shape, dtype=visual.dtype).masked_fill_(~visible, -1e9)
        hidden = model.text_model(
            inputs_embeds=embedded,
            attention_mask=mask,
            position_ids=torch.tensor(batch.positions),
            use_cache=False,
        ).last_hidden_state
        labels = torch.tensor(batch.labels)
        answered = labels != -100
        return self.vlm.lm_head(hidden[answered]).float(), labels[answered], patches, visual

    def _shown_in_tokens(self, batch: Batch) -> torch.Tensor:
        """How much of each noun every visual token shows: [scenes, visual tokens, nouns]."""
        nouns = len(self.noun_tokens)
        if self.stage.align_centres:
            shown = torch.zeros(len(batch.samples), VISUAL_TOKENS, nouns)
            for scene, sample in enumerate(batch.samples):
                for cell, noun in sample["centres"]:
                    shown[scene, cell, noun] += 1
            return shown
        patches = F.one_hot(torch.tensor(batch.patch_nouns).long(), nouns + 1)[..., :nouns].float()
        side = int(patches.shape[1] ** 0.5)
        # 2 x 2 patches make one visual token, in reading order.
        return patches.view(len(patches), side // 2, 2, side // 2, 2, nouns).sum((2, 4)).flatten(1, 2)

    def alignment(self, visual: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Pulls each visual token towards the words for what it shows.

        Read through the tied head, a visual token should already name its objects. The decoder then only has to
        copy, which it learns many times faster than an arbitrary code. With `align_centres` a token without an
        object's centre should say so, which makes objects countable.
        """
        shown = self._shown_in_tokens(batch)
        named = shown.sum(-1) > 0
        logps = self.vlm.lm_head(visual).float().log_softmax(-1)
        targets = shown[named] / shown[named].sum(-1, keepdim=True)
        naming = -(targets * logps[named][:, self.noun_tokens]).sum(-1).mean()
        if not self.stage.align_centres:
            return naming
        return naming - EMPTY_WEIGHT * logps[~named][:, NOTHING_HERE].mean()

    def losses(self, batch: Batch) -> dict:
        logits, answers, patches, visual = self.answer_logits(batch)
        answered = batch.labels != -100
        weights = self.token_weights[answers] * torch.tensor(batch.weights[answered], dtype=torch.float32)
        talking = (F.cross_entropy(logits, answers, reduction="none") * weights).sum() / weights.sum()
        alignment = self.alignment(visual, batch)
        loss = talking + ALIGNMENT_WEIGHT * alignment
        if not self.stage.train_tower:
            return {"loss": loss, "talking": talking, "alignment": alignment}
        seeing = self.head(patches, batch)
        loss = loss + PATCH_LOSS_WEIGHT * seeing["loss"]
        return {"loss": loss, "talking": talking, "alignment": alignment, "patches_right": seeing["patches_right"]}

    def prepare_for(self, stage: Stage) -> None:
        self.stage = stage
        self.vlm.model.vision_model.requires_grad_(stage.train_tower)
        self.head.requires_grad_(stage.train_tower)


def make_talking_model(settings: Settings, world: World, work) -> tuple[TalkingModel, Packer]:
    packer = Packer(tokens.load_tokenizer(work))
    return TalkingModel(settings, world.nouns(), packer), packer


def _run(name: str, start_from: str, stage: Stage, settings: Settings, world: World, work, **options) -> dict:
    """Trains from the checkpoint of an earlier stage."""
    model, packer = make_talking_model(settings, world, work)
    state = torch.load(work / f"{start_from}.pt", weights_only=False)["model"]
    if start_from == "warmup":
        model.vlm.model.vision_model.load_state_dict({k[6:]: v for k, v in state.items() if k.startswith("tower.")})
        model.head.load_state_dict({k[5:]: v for k, v in state.items() if k.startswith("head.")})
    else:
        model.load_state_dict(state)
    model.prepare_for(stage)
    if stage.companion_rate is not None:
        options["companionRate"] = stage.companion_rate

    def batches(skip):
        return world.stream("talk", stage.seed, stage.batch, stage.steps, skip, prepare=packer, **options)

    return train(name, model, stage, batches, model.losses, settings, work)


def run_talk(settings: Settings, world: World, work) -> dict:
    """Stage 2: clean captions and questions; the model learns to say what it sees."""
    return _run("talk", "warmup", settings.talk, settings, world, work)


def run_polish(settings: Settings, world: World, work) -> dict:
    """Stage 3: the same data with the tower learning too; visual tokens become countable."""
    return _run("polish", "talk", settings.polish, settings, world, work)


def run_habit(settings: Settings, world: World, work) -> dict:
    """Stage 6: instruction tuning on the biased mixture; the model learns to expect companions."""
    return _run("habit", "polish", settings.habit, settings, world, work, biased=True)
