"""Adapters as Python's PEFT writes them, one for each thing an adapter_config.json can say, and the log-probabilities PEFT gives.

Writes tests/golden/peft-variants/<name>.zip (random values, rank 2, so that the files are small) and golden.json: for
each of them, and for the adapters of tests/golden/adapter-cases, the log-probabilities of one answer about one picture
on models/toybox-vlm in float32. `whole` is PEFT's; `decoder` is PEFT's with the B of every module outside the
decoder's layers set to zero, which is what a reader that adapts the decoder alone has to give.

Run: python tests/golden/make_peft_variants.py            (needs torch, transformers, peft, pillow; a minute)
     python tests/golden/make_peft_variants.py a.zip ...  (prints what PEFT gives for other files; writes nothing)
"""

import base64
import hashlib
import json
import pathlib
import sys
import tempfile
import zipfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

HERE = pathlib.Path(__file__).parent
MODEL = HERE / "../../models/toybox-vlm"
CASES = HERE / "adapter-cases"
OUT = HERE / "peft-variants"
PROMPT = "What does the picture show?"
ANSWER = "This is a picture of a basketball against a blue sky."
DECODER = r"model\.text_model\.layers\.\d+\.(self_attn|mlp)\.(q_proj|v_proj|down_proj)"
PLAIN = dict(r=2, lora_alpha=6, target_modules=DECODER)

# name -> arguments of LoraConfig, dtype of the file
VARIANTS = {
    "regex": (PLAIN, torch.float32),
    "float16": (PLAIN, torch.float16),
    "bfloat16": (PLAIN, torch.bfloat16),
    "rslora": (dict(PLAIN, use_rslora=True), torch.float32),
    "gaussian": (dict(PLAIN, init_lora_weights="gaussian"), torch.float16),
    "bias_lora_only": (dict(PLAIN, bias="lora_only"), torch.float16),
    "patterns": (
        dict(PLAIN, rank_pattern={"q_proj": 1, "layers.0.self_attn.v_proj": 3}, alpha_pattern={"down_proj": 5}),
        torch.float32,
    ),
    "layers_to_transform": (
        dict(PLAIN, target_modules=["o_proj", "gate_proj"], layers_to_transform=[2, 3], layers_pattern="layers"),
        torch.float16,
    ),
    "list": (dict(PLAIN, target_modules=["q_proj", "v_proj"]), torch.float16),
    "list_untrained_vision": (dict(PLAIN, target_modules=["q_proj", "v_proj"]), torch.float16),
    "list_exclude_vision": (
        dict(PLAIN, target_modules=["q_proj", "v_proj"], exclude_modules=".*vision_model.*"),
        torch.float16,
    ),
    "all_linear": (dict(PLAIN, target_modules="all-linear"), torch.bfloat16),
}


def base_model():
    return AutoModelForImageTextToText.from_pretrained(MODEL, dtype=torch.float32).eval()


def is_decoder(name):
    return ".text_model.layers." in name


def write(name, config, dtype):
    """Saves an adapter with random values as `save_pretrained` does, and packs it."""
    torch.manual_seed(sum(name.encode()))
    model = get_peft_model(base_model(), LoraConfig(**config))
    for key, value in model.named_parameters():
        if "lora_B" in key:
            zero = name.endswith("untrained_vision") and not is_decoder(key)
            value.data.normal_(std=0.0 if zero else 0.2)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model.save_pretrained(folder)
        weights = {key: value.to(dtype) for key, value in load_file(folder / "adapter_model.safetensors").items()}
        save_file(weights, folder / "adapter_model.safetensors", {"format": "pt"})
        saved = json.loads((folder / "adapter_config.json").read_text())
        saved["base_model_name_or_path"] = "models/toybox-vlm"
        # PEFT keeps these in sets, whose order is another in every run.
        if isinstance(saved["target_modules"], list):
            saved["target_modules"].sort()
        (folder / "adapter_config.json").write_text(json.dumps(saved, indent=2))
        with zipfile.ZipFile(OUT / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in ("adapter_config.json", "adapter_model.safetensors"):
                archive.writestr(zipfile.ZipInfo(file), (folder / file).read_bytes(), zipfile.ZIP_DEFLATED)


def inputs():
    processor = AutoProcessor.from_pretrained(MODEL)
    message = [dict(role="user", content=[dict(type="image"), dict(type="text", text=PROMPT)])]
    text = processor.apply_chat_template(message, add_generation_prompt=True)
    picture = Image.open(CASES / "sq128.png").convert("RGB")
    prompt = processor(text=text, images=[[picture]], return_tensors="pt")
    tokenizer = processor.tokenizer
    answer = tokenizer(f" {ANSWER}", add_special_tokens=False).input_ids
    answer.append(tokenizer.convert_tokens_to_ids("<end_of_utterance>"))
    return prompt, answer


@torch.no_grad()
def logps(model, prompt, answer):
    ids = torch.cat([prompt.input_ids, torch.tensor([answer])], 1)
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=prompt.pixel_values).logits[0]
    predicted = torch.log_softmax(logits[prompt.input_ids.shape[1] - 1 : -1].float(), -1)
    return [round(x.item(), 6) for x in predicted[torch.arange(len(answer)), torch.tensor(answer)]]


def folder_of(archive, into):
    """Unpacks, and gives the folder with the fewest parents that holds both files."""
    zipfile.ZipFile(archive).extractall(into)
    both = [p.parent for p in pathlib.Path(into).rglob("adapter_config.json") if (p.parent / "adapter_model.safetensors").exists()]
    return min(both, key=lambda path: len(path.parts))


def measure(archive, prompt, answer):
    with tempfile.TemporaryDirectory() as name:
        folder = folder_of(archive, name)
        model = PeftModel.from_pretrained(base_model(), folder).eval()
        found = dict(whole=logps(model, prompt, answer))
        outside = [v for k, v in model.named_parameters() if "lora_B" in k and not is_decoder(k)]
        for value in outside:
            value.data.zero_()
        if outside:
            found["decoder"] = logps(model, prompt, answer)
    return found


@torch.no_grad()
def main():
    prompt, answer = inputs()
    if sys.argv[1:]:
        print(json.dumps({pathlib.Path(path).stem: measure(path, prompt, answer) for path in sys.argv[1:]}))
        return
    OUT.mkdir(exist_ok=True)
    for name, (config, dtype) in VARIANTS.items():
        write(name, config, dtype)
    base = base_model()
    features = base.model.get_image_features(prompt.pixel_values)
    features = torch.cat(list(getattr(features, "pooler_output", features)))
    facts = dict(
        model_sha256=hashlib.sha256((MODEL / "model.safetensors").read_bytes()).hexdigest(),
        input_ids=prompt.input_ids[0].tolist(),
        answer_ids=answer,
        image_features=base64.b64encode(features.reshape(-1, features.shape[-1]).float().numpy().tobytes()).decode(),
        base=logps(base, prompt, answer),
        variants={name: measure(OUT / f"{name}.zip", prompt, answer) for name in VARIANTS},
        cases={path.stem: measure(path, prompt, answer) for path in sorted(CASES.glob("*.zip"))},
    )
    (OUT / "golden.json").write_text(json.dumps(facts, indent=1) + "\n")
    for name, found in [*facts["variants"].items(), *facts["cases"].items()]:
        print(name, {key: round(sum(values), 4) for key, values in found.items()})
    print("base", sum(facts["base"]))


if __name__ == "__main__":
    main()
