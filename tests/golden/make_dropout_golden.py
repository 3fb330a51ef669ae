"""LoRA gradients of DPO with dropout, by PyTorch and PEFT with the masks applied by hand.

The masks are computed here from their definition (src/kernels/lora-dropout), once more and in NumPy, and stand in the
place of PEFT's lora_dropout modules. Rows are those of src/models/policy/layout.ts: the answers to one prompt share its
rows, and so its masks. Adapters and pairs are those of make_lora_golden.py, computed in float64.

Writes tests/golden/lora/dropout-<name>.json (loss, log-probabilities, masks) and .safetensors (gradients, f32).

Run: python tests/golden/make_dropout_golden.py     (after make_lora_golden.py; seconds)
"""

import base64
import json

import numpy as np
import torch
from make_lora_golden import MODELS, OUT, dpo, load, random_pairs, token_logps
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

P, SEED, STEP, MICRO_BATCH = 0.25, 42, 3, 1
PRODUCTS = [["q_proj", "k_proj", "v_proj"], ["o_proj"], ["gate_proj", "up_proj"], ["down_proj"]]


def pcg(value):
    value = np.asarray(value, dtype=np.uint64) & 0xFFFFFFFF
    state = (value * 747796405 + 2891336453) & 0xFFFFFFFF
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & 0xFFFFFFFF
    return (word >> 22) ^ word


def hash_of(*numbers):
    result = 0
    for number in numbers:
        result = int(pcg(result + number))
    return result


def mask_of(layer, product, slice_, rows, width):
    """[rows, width], 1 where an element is kept."""
    key = hash_of(hash_of(SEED, STEP, MICRO_BATCH), layer, product)
    row_keys = pcg(int(pcg(key + slice_)) + np.arange(rows))
    return (pcg(row_keys[:, None] + np.arange(width)) >= round(P * 2**32)).astype(np.uint8)


class Masked(torch.nn.Module):
    """Instead of nn.Dropout: the rows of a stored mask that belong to the present sequence."""

    rows = None

    def __init__(self, mask):
        super().__init__()
        # The last token of an answer predicts nothing and has no row; what it multiplies does not matter.
        self.mask = torch.cat([torch.tensor(mask), torch.ones(1, mask.shape[1])]).double()

    def forward(self, x):
        return x * self.mask[Masked.rows] / (1 - P)


def layout(pairs):
    """Per pair and side: the row of every token, -1 for the last one; and the number of rows."""
    rows, count = [], 0
    for pair in pairs:
        prompt = list(range(count, count + len(pair["prompt"])))
        count += len(prompt)
        sides = {}
        for side in ("chosen", "rejected"):
            own = len(pair[side]) - 1
            sides[side] = [*prompt, *range(count, count + own), -1]
            count += own
        rows.append(sides)
    return rows, count


def golden(name):
    spec = MODELS[name]
    model, whole = load(spec)
    image_token = whole.get("image_token_id", 3)
    pairs = random_pairs(model.config, image_token, torch.Generator().manual_seed(11))
    stored = json.loads((OUT / f"{name}.json").read_text())
    assert [pair["prompt"].tolist() for pair in pairs] == [pair["prompt_ids"] for pair in stored["pairs"]]
    with torch.no_grad():
        reference = [tuple(token_logps(model, pair, pair[side], image_token) for side in ("chosen", "rejected")) for pair in pairs]

    config = LoraConfig(r=spec["r"], lora_alpha=spec["alpha"], target_modules=spec["targets"], lora_dropout=P)
    peft = get_peft_model(model, config).to(torch.float64)
    adapter = {key: value for key, value in peft.named_parameters() if value.requires_grad}

    def stored_name(key):
        return key.replace(".default.", ".").replace("base_model.model.model.", "base_model.model." + spec["prefix"])

    values = load_file(OUT / f"{name}.safetensors")
    for key, parameter in adapter.items():
        parameter.data = values[stored_name(key)].double()

    places, rows = layout(pairs)
    bits = []
    for index, layer in enumerate(peft.base_model.model.model.layers):
        for product, members in enumerate(PRODUCTS):
            masks = []
            for target in (target for target in members if target in spec["targets"]):
                module = getattr(layer.mlp if target in ("gate_proj", "up_proj", "down_proj") else layer.self_attn, target)
                assert isinstance(module.lora_dropout["default"], torch.nn.Dropout)
                masks.append(mask_of(index, product, len(masks), rows, module.in_features))
                module.lora_dropout["default"] = Masked(masks[-1])
            if masks:
                bits.append(np.stack(masks, 1).ravel())

    policy = []
    for pair, sides in zip(pairs, places):
        logps = []
        for side in ("chosen", "rejected"):
            Masked.rows = torch.tensor(sides[side])
            logps.append(token_logps(peft, pair, pair[side], image_token))
        policy.append(tuple(logps))
    loss = dpo(policy, reference)
    gradients = torch.autograd.grad(loss, list(adapter.values()))
    tensors = {stored_name(key): gradient.float().contiguous() for key, gradient in zip(adapter, gradients)}
    save_file(tensors, OUT / f"dropout-{name}.safetensors", {"format": "pt"})
    facts = dict(
        p=P,
        seed=SEED,
        step=STEP,
        micro_batch=MICRO_BATCH,
        rows=rows,
        # Layer by layer, product by product: [rows, slices, width], eight elements to a byte, the first one highest.
        masks=base64.b64encode(np.packbits(np.concatenate(bits)).tobytes()).decode(),
        loss=loss.item(),
        logps=[[[round(x.item(), 8) for x in side] for side in pair] for pair in policy],
    )
    (OUT / f"dropout-{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(name, loss.item(), f"kept {np.concatenate(bits).mean():.4f}")


if __name__ == "__main__":
    for name in ("tied", "untied"):
        golden(name)
