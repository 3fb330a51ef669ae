"""Random Llama decoders and what Hugging Face transformers says about them.

Writes, beside this file, decoder-<name>.safetensors (weights as a SmolVLM or a Llama file stores them) and
decoder-<name>.json (configuration and cases). Weights are drawn wide, so that attention is peaked, log-probabilities
differ by several nats, and a wrong head, position or mask cannot hide. The numbers are computed in float64 from the
rounded weights.

Run: python tests/golden/make_decoder_golden.py
"""

import base64
import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
IMAGE_TOKEN = 3

DECODERS = {
    # Three query heads per key-value head, odd vocabulary, tied head, SmolVLM's tensor names, f16.
    "tied": dict(
        config=dict(
            vocab_size=509, hidden_size=48, intermediate_size=132, num_hidden_layers=2, num_attention_heads=6,
            num_key_value_heads=2, head_dim=16, rope_theta=10000.0, rms_norm_eps=1e-5, max_position_embeddings=256,
            tie_word_embeddings=True,
        ),
        dtype=torch.float16, prefix="model.text_model.", nested=True, lengths=[(9, 1), (23, 12), (41, 70)],
    ),
    # Other head size and rope theta, own head, plain Llama names, bf16.
    "untied": dict(
        config=dict(
            vocab_size=257, hidden_size=60, intermediate_size=100, num_hidden_layers=3, num_attention_heads=3,
            num_key_value_heads=1, head_dim=24, rope_theta=100000.0, rms_norm_eps=1e-6, max_position_embeddings=128,
            tie_word_embeddings=False,
        ),
        dtype=torch.bfloat16, prefix="model.", nested=False, lengths=[(5, 7), (30, 33)],
    ),
}  # fmt: skip


def draw_weights(model, generator):
    """Embeddings of unit size, projections that keep it, gains around 1."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith("norm.weight"):
            parameter.data = 1 + 0.3 * noise
        elif "embed_tokens" in name:
            parameter.data = noise * (2.5 / parameter.shape[1] ** 0.5)
        else:
            parameter.data = noise * (1.6 / parameter.shape[1] ** 0.5)


def stored_names(state, prefix, tied):
    """State dict under the names of the model file."""
    tensors = {}
    for name, value in state.items():
        if name == "lm_head.weight":
            if not tied:
                tensors[name] = value.clone()
        else:
            tensors[prefix + name.removeprefix("model.")] = value.clone()
    return tensors


def in_float64(model):
    """Everything in float64, the rotary frequencies anew: a cast from float32 would keep their rounding."""
    model.to(torch.float64).eval()
    config = model.config
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float64) / config.head_dim
    model.model.rotary_emb.inv_freq = config.rope_parameters["rope_theta"] ** -exponents


@torch.no_grad()
def case(model, prompt_length, answer_length, generator):
    vocab = model.config.vocab_size
    prompt = torch.randint(4, vocab, (prompt_length,), generator=generator)
    places = torch.arange(1, 1 + prompt_length // 3)
    prompt[places] = IMAGE_TOKEN
    answer = torch.randint(4, vocab, (answer_length,), generator=generator)
    visual = torch.randn(len(places), model.config.hidden_size, generator=generator).to(torch.float32)

    embeddings = model.get_input_embeddings()

    def logits_of(ids):
        rows = embeddings(ids[None]).clone()
        rows[0, places] = visual.to(rows.dtype)
        return model(inputs_embeds=rows).logits[0].double()

    logits = logits_of(torch.cat([prompt, answer]))[prompt_length - 1 : -1]
    logps = torch.log_softmax(logits, -1)
    greedy = []
    while len(greedy) < 8:
        greedy.append(int(logits_of(torch.cat([prompt, torch.tensor(greedy, dtype=torch.long)]))[-1].argmax()))
    picked = logps[torch.arange(answer_length), answer]
    return dict(
        input_ids=prompt.tolist(),
        answer_ids=answer.tolist(),
        visual=base64.b64encode(visual.numpy().tobytes()).decode(),
        logps=[round(float(x), 8) for x in picked],
        logp_sum=round(float(picked.sum()), 8),
        entropy=[round(float(x), 8) for x in -(logps.exp() * logps).sum(-1)],
        top1=[round(float(x), 8) for x in logps.exp().max(-1).values],
        top_ids=logps.argmax(-1).tolist(),
        greedy=greedy,
    )


def main():
    for name, spec in DECODERS.items():
        generator = torch.Generator().manual_seed(7)
        model = LlamaForCausalLM(LlamaConfig(**spec["config"], attn_implementation="eager"))
        draw_weights(model, generator)
        model.tie_weights()
        stored = {name: value.to(spec["dtype"]) for name, value in model.state_dict().items()}
        tied = spec["config"]["tie_word_embeddings"]
        save_file(stored_names(stored, spec["prefix"], tied), HERE / f"decoder-{name}.safetensors", {"format": "pt"})
        model.load_state_dict(stored)
        in_float64(model)
        config = json.loads(model.config.to_json_string())
        config = {key: config[key] for key in sorted(config) if key not in ("dtype", "architectures")}
        golden = dict(
            config=dict(model_type="smolvlm", text_config=config) if spec["nested"] else config,
            image_token_id=IMAGE_TOKEN,
            cases=[case(model, *lengths, generator) for lengths in spec["lengths"]],
        )
        (HERE / f"decoder-{name}.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
