"""Group losses over fixed answers in PyTorch and PEFT: what online training in the browser must compute.

Starts from the adapter of make_trajectory_golden.py (trajectory/trained.zip) on decoder-tied.safetensors, in float64. The
answers are drawn once and never sampled again, and the log-probabilities "when sampled" lie a little off the policy's, so
that ratios leave 1 and their clip acts. Formulas as in TRL: GRPOTrainer._compute_loss (grpo, bnpo, dr_grpo), RLOOTrainer;
for ppo_fact_rlhf those of LLaVA-RLHF's ppo_trainer.py, with a critic over the policy's own hidden states.

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
    "ppo_fact_rlhf": dict(
        cliprange=0.2, cliprange_value=0.2, vf_coef=0.1, kl_coef=0.1, gamma=0.99, lam=0.95, no_stop_penalty=-2,
        length_bonus_score=-1, correct_bonus_score=2, response_len=16, reward_scale=2, whiten_advantages=1,
    ),
}  # fmt: skip
STORED = ("grpo", "rloo", "ppo_fact_rlhf")
SCORE = "base_model.model.score.weight"


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


def advantages_of_critic(h, old, ref, old_values, rewards):
    """Shaped rewards and generalised advantages, whitened; every answer ends itself and no fact is checked."""
    raw = []
    for o, r, v, reward in zip(old, ref, old_values, rewards.flatten(), strict=True):
        shaped = -h["kl_coef"] * torch.clamp(o - r, min=0)
        shaped[-1] += reward + h["length_bonus_score"] * len(o) / h["response_len"]
        shaped = shaped * h["reward_scale"]
        following, estimates = 0.0, []
        for t in reversed(range(len(o))):
            value_after = v[t + 1] if t + 1 < len(o) else 0.0
            delta = shaped[t] + h["gamma"] * value_after - v[t]
            following = delta + h["gamma"] * h["lam"] * following
            estimates.insert(0, following)
        raw.append(torch.stack(estimates))
    targets = [advantage + v for advantage, v in zip(raw, old_values, strict=True)]
    flat = torch.cat(raw)
    white = [(a - flat.mean()) / torch.sqrt(flat.var(unbiased=False) + 1e-8) for a in raw]
    return white, targets


def ppo_loss(h, logps, values, old, ref, old_values, rewards):
    white, targets = advantages_of_critic(h, old, ref, old_values, rewards)
    lp, v, o, v_old, advantage, target = (
        torch.cat(rows) for rows in (logps, values, old, old_values, white, targets)
    )
    ratio = torch.exp(lp - o)
    assert not near_a_bound(ratio, h["cliprange"], h["cliprange"])
    clipped = torch.clamp(ratio, 1 - h["cliprange"], 1 + h["cliprange"])
    policy = -torch.min(ratio * advantage, clipped * advantage)
    held = v_old + torch.clamp(v - v_old, -h["cliprange_value"], h["cliprange_value"])
    critic = 0.5 * torch.max((v - target) ** 2, (held - target) ** 2)
    return (policy + h["vf_coef"] * critic).mean()


def hidden_states(model, prompt_ids, answer_ids):
    """The final hidden state that predicts each token of the answer."""
    out = model(torch.tensor([prompt_ids + answer_ids]), output_hidden_states=True)
    return out.hidden_states[-1][0, len(prompt_ids) - 1 : -1]


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    base = load_base()
    prompts, answers, rewards, noise = draw(base.config.vocab_size)
    flat = [(prompt, a) for prompt, group in zip(prompts, answers, strict=True) for a in group]

    def score_all(model):
        return [token_logps(model, prompt, answer) for prompt, answer in flat]

    with torch.no_grad():
        ref = score_all(base)
        start = score_all(open_zip(TRAJECTORY / "trained.zip", load_base()))
    # Rounded to f32, as the browser reads them.
    rounded = lambda rows: [row.float().double() for row in rows]  # noqa: E731
    ref = rounded(ref)
    old = rounded([lp + n for lp, n in zip(start, [n for group in noise for n in group], strict=True)])
    earned = torch.tensor(rewards).double()

    generator = torch.Generator().manual_seed(31)
    score = (0.1 * torch.randn(1, base.config.hidden_size, generator=generator)).double()
    with torch.no_grad():
        trained = open_zip(TRAJECTORY / "trained.zip", load_base())
        first_values = [(hidden_states(trained, *each) @ score[0]).detach() for each in flat]
    old_values = rounded([v + 0.3 * torch.randn(len(v), generator=generator) for v in first_values])

    golden = dict(
        learning_rate=LEARNING_RATE,
        prompts=prompts,
        answers=answers,
        rewards=earned.tolist(),
        logps=[row.tolist() for row in start],
        old_logps=[row.tolist() for row in old],
        ref_logps=[row.tolist() for row in ref],
        score=score[0].tolist(),
        values=[row.tolist() for row in first_values],
        old_values=[row.tolist() for row in old_values],
        runs={},
    )
    stored = {}
    for name, h in LOSSES.items():
        model = open_zip(TRAJECTORY / "trained.zip", load_base())
        named = {key: p for key, p in model.named_parameters() if p.requires_grad}
        if name == "ppo_fact_rlhf":
            named[SCORE] = torch.nn.Parameter(score.clone())
        optimizer = torch.optim.AdamW(named.values(), lr=LEARNING_RATE, weight_decay=0.0)
        steps = []
        for step in range(STEPS):
            logps = score_all(model)
            if name == "ppo_fact_rlhf":
                values = [hidden_states(model, *each) @ named[SCORE][0] for each in flat]
                loss = ppo_loss(h, logps, values, old, ref, old_values, earned)
            elif name == "rloo":
                loss = rloo_loss(h, logps, old, ref, earned)
            else:
                loss = grpo_loss(name, h, logps, old, ref, earned)
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
