"""Loads the adapter of make_peft_adapter.ts with PEFT on models/toybox-vlm and stores the log-probabilities it gives.

Writes tests/golden/peft/golden.json: per answer the log-probabilities in float32, and the hashes of what was read.

Run: python tests/golden/make_peft_golden.py     (needs torch, transformers, peft; seconds)
"""

import base64
import hashlib
import json
import os
import pathlib
import tempfile
import zipfile

import numpy as np
import torch
from peft import AutoPeftModel, PeftModel
from transformers import AutoModelForImageTextToText

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "../../models/toybox-vlm"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@torch.no_grad()
def main():
    cases = [case for case in json.loads((HERE / "vlm/golden.json").read_text())["cases"] if "image_features" in case]
    base = AutoModelForImageTextToText.from_pretrained(MODEL, dtype=torch.float32).eval()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        zipfile.ZipFile(HERE / "peft/adapter.zip").extractall(folder)
        peft = PeftModel.from_pretrained(base, folder)
        files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
        # The configuration alone is enough: it names the base model, from the root of the project, and its class.
        os.chdir(HERE / "../..")
        found = AutoPeftModel.from_pretrained(folder, dtype=torch.float32).state_dict()
    stored = peft.state_dict()
    assert found.keys() == stored.keys() and all(torch.equal(found[name], stored[name]) for name in stored)
    adapted = [name for name, _ in peft.named_modules() if name.endswith("lora_A")]
    assert adapted and all("text_model" in name for name in adapted), adapted[:3]
    assert not peft.training
    model = peft.base_model.model
    width = model.config.text_config.hidden_size
    answers = []
    for index, case in enumerate(cases):
        features = torch.tensor(np.frombuffer(base64.b64decode(case["image_features"]), np.float32).reshape(-1, width))
        # Each picture with its own answer and with the next one's.
        for of in (index, (index + 1) % len(cases)):
            answer = cases[of]["answer_ids"]
            ids = torch.tensor(case["input_ids"] + answer)
            rows = model.get_input_embeddings()(ids).clone()
            rows[ids == model.config.image_token_id] = features
            hidden = model.model.text_model(inputs_embeds=rows[None]).last_hidden_state[0]
            predicted = torch.log_softmax(model.lm_head(hidden[len(case["input_ids"]) - 1 : -1]), -1)
            logps = predicted[torch.arange(len(answer)), torch.tensor(answer)]
            answers.append(dict(picture=index, answer=of, logps=[round(x.item(), 6) for x in logps]))
    facts = dict(
        model_sha256=sha256(MODEL / "model.safetensors"), files_sha256=files, adapted=len(adapted), answers=answers
    )
    (HERE / "peft/golden.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{len(answers)} answers, {len(adapted)} adapted layers: {files}")


if __name__ == "__main__":
    main()
