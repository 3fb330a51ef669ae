import { generalisedAdvantages } from '../families/advantages.ts';
import { defineTokenLoss, type GroupBatch, type TokenStatistics } from '../families/group.ts';
import { clippedRatio } from '../families/policy-ratio.ts';
import { refuseUnlessPositive, weight } from '../knobs.ts';
import wgsl from './loss.wgsl';

const clipRange = { min: 0.01, max: 0.9, step: 0.01, refuse: refuseUnlessPositive };
const signed = { min: -20, max: 20, step: 0.5, refuse: undefined };
const share = (value: number) => (value >= 0 && value <= 1 ? undefined : 'it must lie between 0 and 1.');

const knobs = [
  weight('cliprange', 'ε', 'epsilon', 0.2, 'How far the ratio may leave 1.', clipRange),
  weight('cliprange_value', 'ε_V', 'epsilon V', 0.2, 'How far the critic may leave its old value.', clipRange),
  weight('vf_coef', 'c', 'c', 0.1, 'Weight of the critic’s loss; 0 trains the policy alone.', { max: 1 }),
  weight('kl_coef', 'β', 'beta', 0.1, 'Price of a token that the policy likes more than the reference.', { max: 1 }),
  weight('gamma', 'γ', 'gamma', 1, 'Discount per token.', { max: 1, step: 0.01, refuse: share }),
  weight('lam', 'λ', 'lambda', 1, 'From one-step (0) to whole-answer (1) estimates.', {
    max: 1,
    step: 0.01,
    refuse: share,
  }),
  weight('no_stop_penalty', 'b₁', 'b 1', -8, 'Bonus of an answer that does not end itself.', signed),
  weight(
    'length_bonus_score',
    'b₂',
    'b 2',
    -10,
    'Bonus of an answer of full length; shorter ones in proportion.',
    signed,
  ),
  weight('correct_bonus_score', 'b₃', 'b 3', 2, 'Times what the check of the facts gave.', signed),
  weight('response_len', 'T', 'T', 896, 'The full length, in tokens.', {
    min: 1,
    max: 2048,
    step: 1,
    refuse: refuseUnlessPositive,
  }),
  weight('reward_scale', 's', 'scale', 10, 'Scales all rewards; 10 where they are not whitened.', {
    max: 20,
    step: 0.5,
  }),
  weight('whiten_advantages', 'w', 'whiten', 1, 'Whether advantages are shifted to mean 0 and scaled to deviation 1.', {
    max: 1,
    step: 1,
    refuse: (value) => (value === 0 || value === 1 ? undefined : 'it must be 0 (no) or 1 (yes).'),
  }),
];

type Knobs = Readonly<Record<(typeof knobs)[number]['key'], number>>;

/** What an answer earns at its end: the reward model's score and the three bonuses. */
function terminalBonus({ reward, logps, length, hasStop, answerBonus }: GroupBatch['completions'][number], h: Knobs) {
  return (
    reward +
    h.no_stop_penalty * (1 - (hasStop ?? 1)) +
    (h.length_bonus_score * (length ?? logps.length)) / h.response_len +
    h.correct_bonus_score * (answerBonus ?? 0)
  );
}

/** Shaped rewards, advantages and the critic's targets, as LLaVA-RLHF's trainer computes them. */
function statistics({ completions }: GroupBatch, h: Knobs): TokenStatistics {
  const raw = completions.map((completion) => {
    const { logps, oldLogps = logps, refLogps = oldLogps, oldValues } = completion;
    const rewards = oldLogps.map((old, t) => -h.kl_coef * Math.max(0, old - refLogps[t]));
    rewards[rewards.length - 1] += terminalBonus(completion, h);
    const scaled = rewards.map((reward) => reward * h.reward_scale);
    return generalisedAdvantages(scaled, oldValues ?? logps.map(() => 0), h.gamma, h.lam);
  });
  const flat = raw.flat();
  const mean = flat.reduce((sum, advantage) => sum + advantage, 0) / flat.length;
  const variance = flat.reduce((sum, advantage) => sum + (advantage - mean) ** 2, 0) / flat.length;
  const whiten = (advantage: number) =>
    h.whiten_advantages === 0 ? advantage : (advantage - mean) / Math.sqrt(variance + 1e-8);
  return {
    advantages: raw.map((row) => row.map(whiten)),
    weights: raw.map((row) => row.map(() => 1 / flat.length)),
    valueTargets: raw.map((row, i) => row.map((advantage, t) => advantage + (completions[i].oldValues?.[t] ?? 0))),
  };
}

/** PPO (Schulman et al. 2017) with the reward shaping of Fact-RLHF (Sun et al. 2023). */
export const ppoFactRlhf = defineTokenLoss({
  id: 'ppo_fact_rlhf',
  label: 'PPO, Fact-RLHF',
  level: 'token',
  paper: {
    title: 'Aligning Large Multimodal Models with Factually Augmented RLHF',
    arxiv: '2309.14525',
    year: 2023,
  },
  summary: 'Reinforcement learning with a critic; the reward knows the facts, ends, and lengths of answers.',
  problems: ['hallucination', 'over-optimisation'],
  formula:
    '\\mathcal{L} = \\frac{1}{N}\\sum_t \\Big[-\\min\\big(\\rho_t A_t,\\, \\mathrm{clip}(\\rho_t) A_t\\big) + \\tfrac{c}{2}\\max\\big((V_t - G_t)^2,\\, (\\mathrm{clip}(V_t) - G_t)^2\\big)\\Big]',
  where: 'G_t = A^{\\mathrm{GAE}}_t + V^{\\mathrm{old}}_t',
  needs: ['refLogps', 'oldValues'],
  group: { size: 1, reason: 'there must be an answer' },
  hyperparameters: knobs,
  statistics,
  evaluate(token, { cliprange, cliprange_value, vf_coef }) {
    const policy = clippedRatio(token.logp - token.oldLogp, token.advantage, cliprange, cliprange);
    const moved = token.value - token.oldValue;
    const change = Math.min(Math.max(moved, -cliprange_value), cliprange_value);
    const free = token.value - token.valueTarget;
    const held = token.oldValue + change - token.valueTarget;
    return {
      loss: policy.loss + (vf_coef / 2) * Math.max(free ** 2, held ** 2),
      gradient: policy.gradient,
      // Where the clip changed nothing the two are one number, whatever rounding says.
      valueGradient: change === moved || free ** 2 >= held ** 2 ? vf_coef * free : 0,
      clipped: policy.clipped,
    };
  },
  wgsl,
});
