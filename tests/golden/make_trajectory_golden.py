"""Preference training of a random Llama decoder in PyTorch and PEFT: what the trainer in the browser must follow.

Trains a LoRA adapter on decoder-tied.safetensors (see make_decoder_golden.py) with the formulas of TRL's DPOTrainer,
CPOTrainer (SimPO), KTOTrainer and, with a score layer, RewardTrainer: 20 steps, 8 pairs, batches of 4, AdamW, clipping,
a linear schedule with warm-up. Computed in float64. Writes, in trajectory/:

  initial.zip           the adapter before training, as PEFT saves it
  trained.zip           the adapter after the DPO run
  initial-reward.zip    adapter and score layer before the training of a reward model
  trained-reward.zip    the same after it
  golden.json           pairs, order, settings; metrics of every step; log-probabilities and scores before and after

and, with an adapter exported by Margin as argument, prints its log-probabilities for the pairs, or its scores, instead:

Run: python tests/golden/make_trajectory_golden.py [exported.zip]
"""

import json
import pathlib
import sys
import tempfile
import zipfile

import torch
from make_decoder_golden import HERE, in_float64
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from torch.nn import functional as F
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    get_linear_schedule_with_warmup,
)

FOLDER = HERE / "trajectory"
SETTINGS = dict(
    learning_rate=1e-3, per_device_train_batch_size=4, gradient_accumulation_steps=1, max_steps=20,
    lr_scheduler_type="linear", warmup_steps=2, weight_decay=0.01, adam_beta1=0.9, adam_beta2=0.999,
    adam_epsilon=1e-8, max_grad_norm=1.0, seed=11,
)  # fmt: skip
LORA = dict(r=6, lora_alpha=12)
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
OBJECTIVES = {
    "dpo_sigmoid": dict(beta=0.1),
    "simpo": dict(beta=2.0, gamma=1.0),
    "kto": dict(beta=0.1, desirable_weight=1.0, undesirable_weight=1.2),
    "bradley_terry": dict(),
}
SIDES = ("chosen_ids", "rejected_ids")
PAIRS = 8
MASK = 0xFFFFFFFF


class Random:
    """src/toybox/random.ts: mulberry32 over a scrambled seed."""

    def __init__(self, seed, stream=0):
        self.state = ((seed ^ 0x9E3779B9) * 0x85EBCA6B ^ (stream + 1) * 0xC2B2AE35) & MASK
        self.next()
        self.state ^= seed >> 32
        self.next()

    def next(self):
        self.state = (self.state + 0x6D2B79F5) & MASK
        t = ((self.state ^ (self.state >> 15)) * (1 | self.state)) & MASK
        t = ((t + (((t ^ (t >> 7)) * (61 | t)) & MASK)) ^ t) & MASK
        return ((t ^ (t >> 14)) & MASK) / 2**32

    def shuffled(self, items):
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            j = int(self.next() * (i + 1))
            items[i], items[j] = items[j], items[i]
        return items


def load_base(kind=LlamaForCausalLM):
    config = json.loads((HERE / "decoder-tied.json").read_text())["config"]["text_config"]
    extra = {} if kind is LlamaForCausalLM else dict(num_labels=1)
    model = kind(LlamaConfig(**config, **extra, attn_implementation="eager"))
    weights = load_file(HERE / "decoder-tied.safetensors")
    state = {name.replace("model.text_model.", "model."): value for name, value in weights.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight", "score.weight"}, (missing, unexpected)
    model.tie_weights()
    in_float64(model)
    return model


def draw_pairs(vocab):
    generator = torch.Generator().manual_seed(3)
    ids = lambda low, high: torch.randint(  # noqa: E731
        4, vocab, (int(torch.randint(low, high, (1,), generator=generator)),), generator=generator
    ).tolist()
    return [dict(prompt_ids=ids(5, 12), chosen_ids=ids(3, 9), rejected_ids=ids(3, 9)) for _ in range(PAIRS)]


def token_logps(model, prompt_ids, answer_ids):
    logits = model(torch.tensor([prompt_ids + answer_ids])).logits[0, len(prompt_ids) - 1 : -1]
    return torch.log_softmax(logits, -1)[torch.arange(len(answer_ids)), torch.tensor(answer_ids)]


def logps_of(model, pairs):
    with torch.no_grad():
        return [
            [token_logps(model, p["prompt_ids"], p[side]).tolist() for side in ("chosen_ids", "rejected_ids")]
            for p in pairs
        ]


def score(model, prompt_ids, answer_ids):
    """AutoModelForSequenceClassification on one sequence without padding: the score of its last token."""
    hidden = model.base_model.model.model(torch.tensor([prompt_ids + answer_ids])).last_hidden_state
    return model.base_model.model.score(hidden[0, -1])[0]


def scores_of(model, pairs):
    with torch.no_grad():
        return [[score(model, p["prompt_ids"], p[side]).item() for side in SIDES] for p in pairs]


def sums_of(model, batch):
    """Summed log-probabilities of the answers of all examples (prompt, answer)."""
    return torch.stack([token_logps(model, prompt, answer).sum() for prompt, answer in batch])


def pair_sums(model, pairs):
    return [sums_of(model, [(p["prompt_ids"], p[side]) for p in pairs]) for side in SIDES]


def pairwise_loss(objective, h, model, reference, pairs):
    """TRL: DPOTrainer.dpo_loss (sigmoid), CPOTrainer.cpo_loss (simpo)."""
    chosen, rejected = pair_sums(model, pairs)
    if objective == "dpo_sigmoid":
        rewards = [h["beta"] * (chosen - reference[0]), h["beta"] * (rejected - reference[1])]
        losses = -F.logsigmoid(rewards[0] - rewards[1])
    else:
        lengths = [torch.tensor([len(p[side]) for p in pairs]) for side in SIDES]
        rewards = [h["beta"] * chosen / lengths[0], h["beta"] * rejected / lengths[1]]
        losses = -F.logsigmoid(rewards[0] - rewards[1] - h["gamma"])
    return losses.mean(), rewards, accuracies(rewards) | logps_log(chosen, rejected)


def kto_loss(h, model, reference, pairs):
    """
    TRL: KTOTrainer.kto_loss on unpair_preference_dataset(batch): all chosen, then all rejected. The KL estimate gives each
    prompt the answer of the example before it (TRL: _get_kl_dataset) and receives no gradient.
    """
    chosen, rejected = pair_sums(model, pairs)
    examples = [(p["prompt_ids"], p[side]) for side in SIDES for p in pairs]
    others = [(prompt, examples[k - 1][1]) for k, (prompt, _) in enumerate(examples)]
    with torch.no_grad():
        policy = sums_of(model, others)
        with model.disable_adapter():
            kl = (policy - sums_of(model, others)).mean().clamp(min=0)
    ratios = [chosen - reference[0], rejected - reference[1]]
    losses = torch.cat([
        h["desirable_weight"] * (1 - torch.sigmoid(h["beta"] * (ratios[0] - kl))),
        h["undesirable_weight"] * (1 - torch.sigmoid(h["beta"] * (kl - ratios[1]))),
    ])  # fmt: skip
    return losses.mean(), [h["beta"] * r for r in ratios], {"kl": kl.item()} | logps_log(chosen, rejected)


def reward_loss(model, pairs):
    """TRL: RewardTrainer.compute_loss."""
    rewards = [torch.stack([score(model, p["prompt_ids"], p[side]) for p in pairs]) for side in SIDES]
    return -F.logsigmoid(rewards[0] - rewards[1]).mean(), rewards, accuracies(rewards)


def accuracies(rewards):
    # A tie in exact arithmetic is a tie: the two sums are rounded apart by 1e-15.
    return {"rewards/accuracies": (rewards[0] - rewards[1] > 1e-9).double().mean().item()}


def logps_log(chosen, rejected):
    return {"logps/chosen": chosen.mean().item(), "logps/rejected": rejected.mean().item()}


def batch_loss(objective, h, model, reference, pairs):
    """Loss, rewards of chosen and rejected answers, and what else the step logs."""
    if objective == "kto":
        return kto_loss(h, model, reference, pairs)
    if objective == "bradley_terry":
        return reward_loss(model, pairs)
    return pairwise_loss(objective, h, model, reference, pairs)


def train(model, pairs, reference, objective, h):
    parameters = [p for p in model.parameters() if p.requires_grad]
    s = SETTINGS
    optimizer = torch.optim.AdamW(
        parameters, lr=s["learning_rate"], betas=(s["adam_beta1"], s["adam_beta2"]), eps=s["adam_epsilon"],
        weight_decay=s["weight_decay"],
    )  # fmt: skip
    scheduler = get_linear_schedule_with_warmup(optimizer, s["warmup_steps"], s["max_steps"])
    size = s["per_device_train_batch_size"]
    steps = []
    for step in range(s["max_steps"]):
        epoch, at = divmod(step, PAIRS // size)
        batch = Random(s["seed"], epoch).shuffled(range(PAIRS))[at * size : (at + 1) * size]
        refs = [torch.tensor([sum(reference[i][side]) for i in batch], dtype=torch.float64) for side in (0, 1)]
        loss, rewards, log = batch_loss(objective, h, model, refs, [pairs[i] for i in batch])
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, s["max_grad_norm"])
        steps.append({
            "pairs": batch,
            "learning_rate": scheduler.get_last_lr()[0],
            "loss": loss.item(),
            "grad_norm": norm.item(),
            "rewards/chosen": rewards[0].mean().item(),
            "rewards/rejected": rewards[1].mean().item(),
            "rewards/margins": (rewards[0] - rewards[1]).mean().item(),
            **log,
        })  # fmt: skip
        optimizer.step()
        scheduler.step()
    return steps


def save_zip(model, file):
    """PEFT's own files, f32, with the dates of the ZIP fixed so that the same run gives the same bytes."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                archive.writestr(zipfile.ZipInfo(name), (pathlib.Path(folder) / name).read_bytes())


def open_zip(file, base):
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(file).extractall(folder)
        return PeftModel.from_pretrained(base, folder, is_trainable=True).double()


def save_rounded(model, file):
    """Rounds the adapter to what a file holds, saves it, and goes on in float64."""
    trained = [p for p in model.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.float()
    save_zip(model, file)
    for parameter in trained:
        parameter.data = parameter.data.double()
    return model


def is_reward_model(file):
    return bool(json.loads(zipfile.ZipFile(file).read("adapter_config.json"))["modules_to_save"])


def print_numbers(file):
    pairs = json.loads((FOLDER / "golden.json").read_text())["pairs"]
    if is_reward_model(file):
        print(json.dumps(scores_of(open_zip(file, load_base(LlamaForSequenceClassification)), pairs)))
    else:
        print(json.dumps(logps_of(open_zip(file, load_base()), pairs)))


def main():
    if len(sys.argv) > 1:
        return print_numbers(sys.argv[1])
    FOLDER.mkdir(exist_ok=True)
    base = load_base()
    pairs = draw_pairs(base.config.vocab_size)
    reference = logps_of(base, pairs)
    lora = dict(**LORA, target_modules=TARGETS)
    torch.manual_seed(5)
    save_rounded(get_peft_model(base, LoraConfig(**lora, task_type="CAUSAL_LM")), FOLDER / "initial.zip")
    torch.manual_seed(6)
    scored = load_base(LlamaForSequenceClassification)
    whole = dict(modules_to_save=["score"], task_type="SEQ_CLS")
    scored = save_rounded(get_peft_model(scored, LoraConfig(**lora, **whole)), FOLDER / "initial-reward.zip")
    golden = dict(settings=SETTINGS, lora=LORA, pairs=pairs, reference=reference, runs={}, scores=dict())
    golden["scores"]["initial"] = scores_of(scored, pairs)
    for objective, hyperparameters in OBJECTIVES.items():
        rewards = objective == "bradley_terry"
        if rewards:
            model = open_zip(FOLDER / "initial-reward.zip", load_base(LlamaForSequenceClassification))
        else:
            model = open_zip(FOLDER / "initial.zip", load_base())
        steps = train(model, pairs, reference, objective, hyperparameters)
        golden["runs"][objective] = dict(hyperparameters=hyperparameters, steps=steps)
        if objective == "dpo_sigmoid":
            golden["trained"] = logps_of(save_rounded(model, FOLDER / "trained.zip"), pairs)
        if rewards:
            golden["scores"]["trained"] = scores_of(save_rounded(model, FOLDER / "trained-reward.zip"), pairs)
    (FOLDER / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
