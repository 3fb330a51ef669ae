"""Group losses over fixed answers in PyTorch and PEFT: what online training in the browser must compute.

Starts from the adapter of make_trajectory_golden.py (trajectory/trained.zip) on decoder-tied.safetensors, in float64. The
answers are drawn once and never sampled again, and the log-probabilities "when sampled" lie a little off the policy's, so
that ratios leave 1 and their clip acts. Formulas as in TRL: GRPOTrainer._compute_loss (grpo, bnpo, dr_grpo), RLOOTrainer.

Writes, in online/:

  golden.json              prompts, answers, rewards; per loss: value and gradient norm of every step of AdamW
  gradients.safetensors    per loss the gradient of every LoRA matrix before the first step, f32

Run: python tests/golden/make_online_golden.py
"""

import json

import torch
from make_trajectory_golden import FOLDER as TRAJECTORY
from make_trajectory_golden import HERE, load_base, open_zip, token_logps
from safetensors.torch import save_file

FOLDER = HERE / "online"
PROMPTS, GROUP, STEPS, LEARNING_RATE = 2, 4, 5, 1e-4
LOSSES = {
    "grpo": dict(epsilon=0.2, epsilon_high=0.2, beta=0.04, scale_rewards=1),
    "bnpo": dict(epsilon=0.2, epsilon_high=0.28, beta=0.0, scale_rewards=2),
    "dr_grpo": dict(epsilon=0.2, epsilon_high=0.2, beta=0.04, scale_rewards=0, max_completion_length=16),
    "rloo": dict(beta=0.05, epsilon=0.2),
}
STORED = ("grpo", "rloo")


def draw(vocab):
    generator = torch.Generator().manual_seed(29)

    def ids(low, high):
        length = int(torch.randint(low, high, (1,), generator=generator))
        return torch.randint(4, vocab, (length,), generator=generator).tolist()

    prompts = [ids(5, 12) for _ in range(PROMPTS)]
    answers = [[ids(3, 10) for _ in range(GROUP)] for _ in prompts]
    rewards = torch.rand(PROMPTS, GROUP, generator=generator).tolist()
    noise = [[0.25 * torch.randn(len(a), generator=generator) for a in group] for group in answers]
    return prompts, answers, rewards, noise


def advantages(rewards, scale):
    """GRPOTrainer: the group's mean off, over a deviation plus 1e-4 (0 nothing, 1 the group's, 2 the batch's)."""
    centred = rewards - rewards.mean(1, keepdim=True)
    if scale == 0:
        return centred
    deviation = rewards.std(1, keepdim=True) if scale == 1 else rewards.std()
    return centred / (deviation + 1e-4)


def near_a_bound(ratio, low, high):
    """Whether f32 and float64 could fall on different sides of the clip."""
    return bool(((ratio - (1 - low)).abs() < 1e-4).any() or ((ratio - (1 + high)).abs() < 1e-4).any())


def grpo_loss(name, h, logps, old, ref, rewards):
    weights = advantages(rewards, h["scale_rewards"]).flatten()
    per_answer, tokens = [], 0
    for lp, o, r, advantage in zip(logps, old, ref, weights, strict=True):
        ratio = torch.exp(lp - o)
        assert not near_a_bound(ratio, h["epsilon"], h["epsilon_high"])
        clipped = torch.clamp(ratio, 1 - h["epsilon"], 1 + h["epsilon_high"])
        loss = -torch.min(ratio * advantage, clipped * advantage)
        loss = loss + h["beta"] * (torch.exp(r - lp) - (r - lp) - 1)
        per_answer.append(loss)
        tokens += len(lp)
    if name == "grpo":
        return torch.stack([loss.mean() for loss in per_answer]).mean()
    total = torch.stack([loss.sum() for loss in per_answer]).sum()
    return total / tokens if name == "bnpo" else total / (len(logps) * h["max_completion_length"])


def rloo_loss(h, logps, old, ref, rewards):
    kl = torch.stack([(o - r).sum() for o, r in zip(old, ref, strict=True)]).view_as(rewards)
    shaped = rewards - h["beta"] * kl
    baseline = (shaped.sum(1, keepdim=True) - shaped) / (GROUP - 1)
    advantage = (shaped - baseline).flatten()
    ratio = torch.exp(torch.stack([(lp - o).sum() for lp, o in zip(logps, old, strict=True)]))
    assert not near_a_bound(ratio, h["epsilon"], h["epsilon"])
    clipped = torch.clamp(ratio, 1 - h["epsilon"], 1 + h["epsilon"])
    return -torch.min(ratio * advantage, clipped * advantage).mean()


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    base = load_base()
    prompts, answers, rewards, noise = draw(base.config.vocab_size)
    flat = [(prompt, a) for prompt, group in zip(prompts, answers, strict=True) for a in group]

    def score(model):
        return [token_logps(model, prompt, answer) for prompt, answer in flat]

    with torch.no_grad():
        ref = score(base)
        start = score(open_zip(TRAJECTORY / "trained.zip", load_base()))
    # Rounded to f32, as the browser reads them.
    rounded = lambda rows: [row.float().double() for row in rows]  # noqa: E731
    ref = rounded(ref)
    old = rounded([lp + n for lp, n in zip(start, [n for group in noise for n in group], strict=True)])
    earned = torch.tensor(rewards).double()

    golden = dict(
        learning_rate=LEARNING_RATE,
        prompts=prompts,
        answers=answers,
        rewards=earned.tolist(),
        logps=[row.tolist() for row in start],
        old_logps=[row.tolist() for row in old],
        ref_logps=[row.tolist() for row in ref],
        runs={},
    )
    stored = {}
    for name, h in LOSSES.items():
        model = open_zip(TRAJECTORY / "trained.zip", load_base())
        named = {key: p for key, p in model.named_parameters() if p.requires_grad}
        optimizer = torch.optim.AdamW(named.values(), lr=LEARNING_RATE, weight_decay=0.0)
        steps = []
        for step in range(STEPS):
            logps = score(model)
            loss = rloo_loss(h, logps, old, ref, earned) if name == "rloo" else grpo_loss(name, h, logps, old, ref, earned)
            optimizer.zero_grad()
            loss.backward()
            norm = torch.sqrt(sum((p.grad**2).sum() for p in named.values()))
            steps.append(dict(loss=loss.item(), grad_norm=norm.item()))
            if step == 0 and name in STORED:
                for key, p in named.items():
                    stored[f"{name}.{key.replace('.default', '')}"] = p.grad.float().contiguous().clone()
            optimizer.step()
        golden["runs"][name] = dict(hyperparameters=h, steps=steps)
    save_file(stored, FOLDER / "gradients.safetensors")
    (FOLDER / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
