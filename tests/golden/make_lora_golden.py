"""LoRA gradients of DPO and SimPO by PyTorch and PEFT, for the decoders of make_decoder_golden.py and the bundled model.

Writes tests/golden/lora/<name>.json (pairs, losses, log-probabilities) and <name>.safetensors (the adapter and its
gradients, f32). B is not zero, so that no gradient is. Numbers are computed in float64 from the stored weights.

Run: python tests/golden/make_lora_golden.py            (needs torch, transformers, peft; seconds)
     python tests/golden/make_lora_golden.py toybox-vlm   (one of them: after the bundled model was exported anew)
"""

import base64
import hashlib
import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
OUT = HERE / "lora"
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
DPO = dict(beta=0.1)
SIMPO = dict(beta=2.0, gamma=0.5)

# Weights, their prefix, and the adapter; the bundled model's prompts are those of golden/vlm.
MODELS = {
    "tied": dict(weights=HERE / "decoder-tied.safetensors", config=HERE / "decoder-tied.json", key="config",
                 prefix="model.text_model.", r=4, alpha=8, targets=ALL),
    "untied": dict(weights=HERE / "decoder-untied.safetensors", config=HERE / "decoder-untied.json", key="config",
                   prefix="model.", r=6, alpha=9, targets=["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"]),
    "toybox-vlm": dict(weights=HERE / "../../models/toybox-vlm/model.safetensors",
                       config=HERE / "../../models/toybox-vlm/config.json", key=None,
                       prefix="model.text_model.", r=2, alpha=4, targets=ALL),
}  # fmt: skip


def load(spec):
    whole = json.loads(spec["config"].read_text())
    config = whole[spec["key"]] if spec["key"] else whole
    text = dict(config.get("text_config", config))
    text.setdefault("tie_word_embeddings", config.get("tie_word_embeddings", False))
    model = LlamaForCausalLM(LlamaConfig(**text, attn_implementation="eager"))
    stored = load_file(spec["weights"])
    prefix = spec["prefix"]
    state = {"model." + name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}
    state["lm_head.weight"] = stored.get("lm_head.weight", state["model.embed_tokens.weight"])
    state = {name: value for name, value in state.items() if name in model.state_dict()}
    model.load_state_dict(state)
    model.to(torch.float64).eval()
    # A cast would keep the rounding of the float32 rotary frequencies.
    exponents = torch.arange(0, model.config.head_dim, 2, dtype=torch.float64) / model.config.head_dim
    model.model.rotary_emb.inv_freq = model.config.rope_parameters["rope_theta"] ** -exponents
    return model, whole


def random_pairs(config, image_token, generator):
    """A prompt with an image and one without; answers of different lengths, the last of one token."""
    vocab = config.vocab_size

    def ids(n):
        return torch.randint(8, vocab, (n,), generator=generator)

    prompt = ids(13)
    prompt[1:6] = image_token
    visual = torch.randn(5, config.hidden_size, generator=generator)
    return [
        dict(prompt=prompt, visual=visual, chosen=ids(11), rejected=ids(7)),
        dict(prompt=ids(4), visual=None, chosen=ids(1), rejected=ids(5)),
    ]


def toybox_pairs():
    """Answers of the stored cases, each against another of the same picture or of the next."""
    cases = [case for case in json.loads((HERE / "vlm/golden.json").read_text())["cases"] if "image_features" in case]
    pairs = []
    for one, other in zip(cases[:2], cases[2:4]):
        visual = torch.frombuffer(bytearray(base64.b64decode(one["image_features"])), dtype=torch.float32)
        pairs.append(
            dict(
                prompt=torch.tensor(one["input_ids"]),
                visual=visual,
                chosen=torch.tensor(one["answer_ids"]),
                rejected=torch.tensor(other["answer_ids"]),
            )
        )
    return pairs


def token_logps(model, pair, answer, image_token):
    ids = torch.cat([pair["prompt"], answer])
    rows = model.get_input_embeddings()(ids[None]).detach().clone()
    if pair["visual"] is not None:
        rows[0, ids == image_token] = pair["visual"].reshape(-1, rows.shape[-1]).to(rows.dtype)
    logits = model(inputs_embeds=rows).logits[0, len(pair["prompt"]) - 1 : -1]
    return torch.log_softmax(logits, -1).gather(-1, answer[:, None])[:, 0]


def dpo(policy, reference):
    losses = [
        -F.logsigmoid(DPO["beta"] * ((pc.sum() - rc.sum()) - (pr.sum() - rr.sum())))
        for (pc, pr), (rc, rr) in zip(policy, reference)
    ]
    return torch.stack(losses).mean()


def simpo(policy, _):
    losses = [-F.logsigmoid(SIMPO["beta"] * (pc.mean() - pr.mean()) - SIMPO["gamma"]) for pc, pr in policy]
    return torch.stack(losses).mean()


def golden(name, spec):
    generator = torch.Generator().manual_seed(11)
    model, whole = load(spec)
    image_token = whole.get("image_token_id", 3)
    pairs = toybox_pairs() if name == "toybox-vlm" else random_pairs(model.config, image_token, generator)

    def score(policy):
        return [tuple(token_logps(policy, pair, pair[side], image_token) for side in ("chosen", "rejected")) for pair in pairs]

    with torch.no_grad():
        reference = score(model)
    peft = get_peft_model(
        model, LoraConfig(r=spec["r"], lora_alpha=spec["alpha"], target_modules=spec["targets"], lora_dropout=0.0)
    ).to(torch.float64)
    adapter = {key: value for key, value in peft.named_parameters() if value.requires_grad}
    for parameter in adapter.values():
        noise = torch.randn(parameter.shape, generator=generator) * (0.5 / parameter.shape[1] ** 0.5)
        parameter.data = noise.float().double()

    # As PEFT's files name them, with the decoder where the model file has it.
    def stored_name(key):
        return key.replace(".default.", ".").replace("base_model.model.model.", "base_model.model." + spec["prefix"])

    policy = score(peft)
    tensors = {stored_name(key): value.detach().float().contiguous() for key, value in adapter.items()}
    losses = {}
    for objective, loss in (("dpo", dpo(policy, reference)), ("simpo", simpo(policy, reference))):
        gradients = torch.autograd.grad(loss, list(adapter.values()), retain_graph=True)
        losses[objective] = loss.item()
        for key, gradient in zip(adapter, gradients):
            tensors[f"{objective}.{stored_name(key)}"] = gradient.float().contiguous()
    save_file(tensors, OUT / f"{name}.safetensors", {"format": "pt"})

    def numbers(values):
        return [round(x.item(), 8) for x in values]

    facts = dict(
        weights_sha256=hashlib.sha256(spec["weights"].read_bytes()).hexdigest(),
        image_token_id=image_token,
        lora=dict(r=spec["r"], alpha=spec["alpha"], targets=spec["targets"]),
        dpo=DPO,
        simpo=SIMPO,
        losses=losses,
        pairs=[
            dict(
                prompt_ids=pair["prompt"].tolist(),
                visual=None if pair["visual"] is None else base64.b64encode(pair["visual"].float().numpy().tobytes()).decode(),
                chosen_ids=pair["chosen"].tolist(),
                rejected_ids=pair["rejected"].tolist(),
                chosen_logps=numbers(pc),
                rejected_logps=numbers(pr),
                ref_chosen_logps=numbers(rc),
                ref_rejected_logps=numbers(rr),
            )
            for pair, (pc, pr), (rc, rr) in zip(pairs, policy, reference)
        ],
    )
    (OUT / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(name, losses)


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for name in sys.argv[1:] or MODELS:
        golden(name, MODELS[name])
