"""Losses that read the whole next-token distribution, by PyTorch and PEFT: TDPO-1, TDPO-2, WPO and POVID's second stage.

Takes the decoder and the adapter of make_lora_golden.py ("tied"), draws pairs with a picture and a noisy copy of it, and
writes, in vocabulary/:

  golden.json             pairs; per token both KL divergences between policy and reference and log sum p^2; losses
  gradients.safetensors   d(loss) / d(adapter) of every loss, f32, as PEFT names the matrices

Computed in float64 by autograd; nothing here knows the formulas of the gradients.

Run: python tests/golden/make_vocabulary_golden.py     (needs torch, transformers, peft; seconds)
"""

import base64
import json

import torch
import torch.nn.functional as F
from make_lora_golden import HERE, MODELS, OUT, load
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

FOLDER = HERE / "vocabulary"
LOSSES = dict(
    tdpo1=dict(beta=0.1),
    tdpo2=dict(beta=0.1, alpha=0.5),
    wpo=dict(beta=0.1),
    povid_stage2_code=dict(beta=0.1, mix=0.5),
)
SIDES = ("chosen", "rejected")


def draw_pairs(model, image_token, generator):
    """Answers are sampled from the policy itself: WPO would give random tokens no weight."""
    config = model.config

    def picture():
        return torch.randn(5, config.hidden_size, generator=generator)

    pairs = []
    for chosen, rejected in ((9, 6), (1, 5)):
        prompt = torch.randint(8, config.vocab_size, (11,), generator=generator)
        prompt[1:6] = image_token
        visual = picture()
        pair = dict(prompt=prompt, visual=visual, noisy=0.863 * visual + 0.505 * picture())
        for side, length in (("chosen", chosen), ("rejected", rejected)):
            answer = torch.zeros(0, dtype=torch.long)
            while len(answer) < length:
                longer = torch.cat([answer, torch.zeros(1, dtype=torch.long)])
                p = token_distributions(model, pair, longer, image_token, visual)[-1].exp()
                answer = torch.cat([answer, torch.multinomial(p, 1, generator=generator)])
            pair[side] = answer
        pairs.append(pair)
    return pairs


def token_distributions(model, pair, answer, image_token, visual):
    """log p of every vocabulary entry at every answer token, [tokens, vocab]."""
    ids = torch.cat([pair["prompt"], answer])
    rows = model.get_input_embeddings()(ids[None]).detach().clone()
    rows[0, ids == image_token] = visual.to(rows.dtype)
    logits = model(inputs_embeds=rows).logits[0, len(pair["prompt"]) - 1 : -1]
    return torch.log_softmax(logits, -1)


def pick(log_p, ids):
    return log_p.gather(-1, ids[:, None])[:, 0]


def kl(log_p, log_q):
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def pair_losses(policy, reference, noisy, pair):
    """Each loss of one pair, from log-distributions [tokens, vocab] of both answers."""
    h = {side: (pick(policy[side], pair[side]) - pick(reference[side], pair[side])).sum() for side in SIDES}
    drift = {side: kl(reference[side], policy[side]).sum() for side in SIDES}
    # WPO: how likely the policy itself would have written the answer; no gradient flows through it.
    weight = {
        side: (pick(policy[side], pair[side]) - (2 * policy[side]).logsumexp(-1)).mean().exp().detach() for side in SIDES
    }
    # POVID: what the policy says without looking, token by token after the chosen answer, judged with the clear picture.
    argmax = noisy.argmax(-1)
    h_noisy = (pick(policy["chosen"], argmax) - pick(reference["chosen"], argmax)).sum()

    one, two, w, povid = (LOSSES[name] for name in ("tdpo1", "tdpo2", "wpo", "povid_stage2_code"))
    margin = h["chosen"] - h["rejected"]
    losses = dict(
        tdpo1=-F.logsigmoid(one["beta"] * (margin - (drift["rejected"] - drift["chosen"]))),
        tdpo2=-F.logsigmoid(two["beta"] * (margin - two["alpha"] * (drift["rejected"] - drift["chosen"].detach()))),
        wpo=-(weight["chosen"] * weight["rejected"]).clamp(max=1) * F.logsigmoid(w["beta"] * margin),
        povid_stage2_code=-(1 - povid["mix"]) * F.logsigmoid(povid["beta"] * margin)
        - povid["mix"] * F.logsigmoid(povid["beta"] * (h["chosen"] - h_noisy)),
    )
    return losses, argmax, weight


def main():
    spec = MODELS["tied"]
    model, whole = load(spec)
    image_token = whole.get("image_token_id", 3)

    def distributions(model, pair):
        return {side: token_distributions(model, pair, pair[side], image_token, pair["visual"]) for side in SIDES}

    peft = get_peft_model(
        model, LoraConfig(r=spec["r"], lora_alpha=spec["alpha"], target_modules=spec["targets"], lora_dropout=0.0)
    ).to(torch.float64)
    stored = load_file(OUT / "tied.safetensors")
    adapter = {}
    for key, parameter in peft.named_parameters():
        if parameter.requires_grad:
            name = key.replace(".default.", ".").replace(
                "base_model.model.model.", "base_model.model." + spec["prefix"]
            )
            parameter.data = stored[name].double()
            adapter[name] = parameter

    with torch.no_grad():
        pairs = draw_pairs(peft, image_token, torch.Generator().manual_seed(23))
        with peft.disable_adapter():
            references = [distributions(peft, pair) for pair in pairs]
    policies = [distributions(peft, pair) for pair in pairs]
    noisy = [token_distributions(peft, pair, pair["chosen"], image_token, pair["noisy"]).detach() for pair in pairs]
    results = [pair_losses(*inputs) for inputs in zip(policies, references, noisy, pairs)]
    losses, tensors = {}, {}
    for name in LOSSES:
        loss = torch.stack([result[0][name] for result in results]).mean()
        losses[name] = loss.item()
        for key, gradient in zip(adapter, torch.autograd.grad(loss, list(adapter.values()), retain_graph=True)):
            tensors[f"{name}.{key}"] = gradient.float().contiguous()

    def numbers(values):
        return [round(x, 9) for x in values.tolist()]

    def encode(visual):
        return base64.b64encode(visual.float().numpy().tobytes()).decode()

    facts = dict(
        image_token_id=image_token,
        hyperparameters=LOSSES,
        losses=losses,
        pairs=[
            dict(
                prompt_ids=pair["prompt"].tolist(),
                visual=encode(pair["visual"]),
                noisy=encode(pair["noisy"]),
                chosen_ids=pair["chosen"].tolist(),
                rejected_ids=pair["rejected"].tolist(),
                noisy_argmax_ids=argmax.tolist(),
                wpo_weights=[weight[side].item() for side in SIDES],
                kl_to_reference=[numbers(kl(policy[side], reference[side])) for side in SIDES],
                kl_from_reference=[numbers(kl(reference[side], policy[side])) for side in SIDES],
                log_collision=[numbers((2 * policy[side]).logsumexp(-1)) for side in SIDES],
            )
            for pair, policy, reference, (_, argmax, weight) in zip(pairs, policies, references, results)
        ],
    )
    FOLDER.mkdir(exist_ok=True)
    save_file(tensors, FOLDER / "gradients.safetensors", {"format": "pt"})
    (FOLDER / "golden.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(losses)


if __name__ == "__main__":
    main()
