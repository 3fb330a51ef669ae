"""Loads the adapter of adapter_round_trip.ts with PEFT on models/toybox-vlm and compares log-probabilities.

Run: python tests/golden/check_adapter_round_trip.py
"""

import base64
import hashlib
import json
import pathlib
import sys
import tempfile
import zipfile

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForImageTextToText

ROOT = pathlib.Path(__file__).parents[2]
ARTIFACTS = ROOT / "tests/.artifacts"
TOLERANCE = 1e-3


@torch.no_grad()
def main():
    saved = json.loads((ARTIFACTS / "adapter.json").read_text())
    weights = (ROOT / "models/toybox-vlm/model.safetensors").read_bytes()
    if hashlib.sha256(weights).hexdigest() != saved["sha256"]:
        sys.exit("the adapter was trained on other weights: run adapter_round_trip.ts again")
    base = AutoModelForImageTextToText.from_pretrained(ROOT / "models/toybox-vlm", dtype=torch.float32).eval()
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(ARTIFACTS / "adapter.zip").extractall(folder)
        peft = PeftModel.from_pretrained(base, folder)
    adapted = [name for name, _ in peft.named_modules() if name.endswith("lora_A")]
    assert adapted and all("text_model" in name for name in adapted), adapted[:3]
    model = peft.base_model.model
    width = model.config.text_config.hidden_size
    worst = 0.0
    for sequence, logps in zip(saved["sequences"], saved["logps"]):
        ids = torch.tensor(sequence["input_ids"] + sequence["answer_ids"])
        features = np.frombuffer(base64.b64decode(saved["features"][sequence["case"]]), np.float32).reshape(-1, width)
        rows = model.get_input_embeddings()(ids).clone()
        rows[ids == model.config.image_token_id] = torch.tensor(features)
        hidden = model.model.text_model(inputs_embeds=rows[None]).last_hidden_state[0]
        predicted = model.lm_head(hidden[len(sequence["input_ids"]) - 1 : -1])
        expected = torch.log_softmax(predicted, -1)[torch.arange(len(logps)), torch.tensor(sequence["answer_ids"])]
        worst = max(worst, (expected - torch.tensor(logps)).abs().max().item())
    print(f"{len(saved['sequences'])} sequences, {len(adapted)} adapted layers: largest difference {worst:.2e} nats per token")
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
