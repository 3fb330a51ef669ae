"""Preference training of a random Llama decoder in PyTorch and PEFT: what the trainer in the browser must follow.

Trains a LoRA adapter on decoder-tied.safetensors (see make_decoder_golden.py) with the formulas of TRL's DPOTrainer and,
for SimPO, its CPOTrainer: 20 steps, 8 pairs, batches of 4, AdamW, clipping, a linear schedule with warm-up. Computed in
float64. Writes, in trajectory/:

  initial.zip    the adapter before training, as PEFT saves it
  trained.zip    the adapter after the DPO run
  golden.json    pairs, order, settings; metrics of every step; log-probabilities before and after

and, with an adapter exported by Margin as argument, prints its log-probabilities for the pairs instead:

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
from transformers import LlamaConfig, LlamaForCausalLM, get_linear_schedule_with_warmup

FOLDER = HERE / "trajectory"
SETTINGS = dict(
    learning_rate=1e-3, per_device_train_batch_size=4, gradient_accumulation_steps=1, max_steps=20,
    lr_scheduler_type="linear", warmup_steps=2, weight_decay=0.01, adam_beta1=0.9, adam_beta2=0.999,
    adam_epsilon=1e-8, max_grad_norm=1.0, seed=11,
)  # fmt: skip
LORA = dict(r=6, lora_alpha=12)
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
OBJECTIVES = {"dpo_sigmoid": dict(beta=0.1), "simpo": dict(beta=2.0, gamma=1.0)}
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


def load_base():
    config = json.loads((HERE / "decoder-tied.json").read_text())["config"]["text_config"]
    model = LlamaForCausalLM(LlamaConfig(**config, attn_implementation="eager"))
    weights = load_file(HERE / "decoder-tied.safetensors")
    state = {name.replace("model.text_model.", "model."): value for name, value in weights.items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
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


def batch_loss(objective, h, chosen, rejected, reference, lengths):
    """TRL: DPOTrainer.dpo_loss (sigmoid), CPOTrainer.cpo_loss (simpo); losses and rewards per pair."""
    if objective == "dpo_sigmoid":
        rewards = [h["beta"] * (chosen - reference[0]), h["beta"] * (rejected - reference[1])]
        return -F.logsigmoid(rewards[0] - rewards[1]), rewards
    mean = [chosen / lengths[0], rejected / lengths[1]]
    logits = mean[0] - mean[1] - h["gamma"] / h["beta"]
    return -F.logsigmoid(h["beta"] * logits), [h["beta"] * mean[0], h["beta"] * mean[1]]


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
        sums = [
            torch.stack([token_logps(model, pairs[i]["prompt_ids"], pairs[i][side]).sum() for i in batch])
            for side in ("chosen_ids", "rejected_ids")
        ]
        refs = [torch.tensor([sum(reference[i][side]) for i in batch], dtype=torch.float64) for side in (0, 1)]
        lengths = [torch.tensor([len(pairs[i][side]) for i in batch]) for side in ("chosen_ids", "rejected_ids")]
        losses, rewards = batch_loss(objective, h, *sums, refs, lengths)
        optimizer.zero_grad()
        losses.mean().backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, s["max_grad_norm"])
        steps.append({
            "pairs": batch,
            "learning_rate": scheduler.get_last_lr()[0],
            "loss": losses.mean().item(),
            "grad_norm": norm.item(),
            "rewards/chosen": rewards[0].mean().item(),
            "rewards/rejected": rewards[1].mean().item(),
            "rewards/margins": (rewards[0] - rewards[1]).mean().item(),
            # A tie in exact arithmetic is a tie: the two sums above are rounded apart by 1e-15.
            "rewards/accuracies": (rewards[0] - rewards[1] > 1e-9).double().mean().item(),
            "logps/chosen": sums[0].mean().item(),
            "logps/rejected": sums[1].mean().item(),
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


def in_float32(model):
    """Rounds the adapter to what a file holds."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float().double()
    return model


def main():
    if len(sys.argv) > 1:
        pairs = json.loads((FOLDER / "golden.json").read_text())["pairs"]
        print(json.dumps(logps_of(open_zip(sys.argv[1], load_base()), pairs)))
        return
    FOLDER.mkdir(exist_ok=True)
    base = load_base()
    pairs = draw_pairs(base.config.vocab_size)
    reference = logps_of(base, pairs)
    torch.manual_seed(5)
    model = in_float32(get_peft_model(base, LoraConfig(**LORA, target_modules=TARGETS, task_type="CAUSAL_LM")))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    save_zip(model, FOLDER / "initial.zip")
    golden = dict(settings=SETTINGS, lora=LORA, pairs=pairs, reference=reference, runs={})
    for objective, hyperparameters in OBJECTIVES.items():
        model = open_zip(FOLDER / "initial.zip", load_base())
        steps = train(model, pairs, reference, objective, hyperparameters)
        golden["runs"][objective] = dict(hyperparameters=hyperparameters, steps=steps)
        if objective == "dpo_sigmoid":
            in_float32(model)
            golden["trained"] = logps_of(model, pairs)
            for parameter in model.parameters():
                if parameter.requires_grad:
                    parameter.data = parameter.data.float()
            save_zip(model, FOLDER / "trained.zip")
    (FOLDER / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
