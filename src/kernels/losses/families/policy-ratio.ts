/** The clipped ratio of PPO and GRPO, in float64: what `token-loss/policy-ratio.wgsl` is held against. */
import { weight } from '../knobs.ts';
import { groupAdvantages, LARGEST_EXPONENT } from './advantages.ts';
import type { GroupBatch, TokenRow, TokenStatistics, TokenValue } from './group.ts';

/** e^x with the exponent held below 20, and its derivative: 0 where it is held. */
export function heldExp(x: number): { value: number; slope: number } {
  const value = Math.exp(Math.min(x, LARGEST_EXPONENT));
  return { value, slope: x < LARGEST_EXPONENT ? value : 0 };
}

/** -min(rho A, clip(rho) A) and its derivative with respect to the log-ratio. */
export function clippedRatio(logRatio: number, advantage: number, low: number, high: number) {
  const { value: ratio, slope } = heldExp(logRatio);
  const clipped = Math.min(Math.max(ratio, 1 - low), 1 + high) * advantage;
  const active = ratio * advantage <= clipped;
  return {
    loss: -Math.min(ratio * advantage, clipped),
    gradient: active ? -slope * advantage : 0,
    clipped: active ? 0 : 1,
  };
}

/** Schulman's k3 estimate of KL(policy, reference) at one token, e^d - d - 1 with d = ref - policy, and its slope. */
export function k3(policy: number, reference: number): { value: number; slope: number } {
  const d = reference - policy;
  const held = heldExp(d);
  return { value: held.value - d - 1, slope: 1 - held.slope };
}

/** The knobs that GRPO, BNPO and Dr. GRPO share. */
export const grpoKnobs = (beta: number, scaleRewards: number) => [
  weight('epsilon', 'ε', 'epsilon', 0.2, 'How far the ratio may fall below 1 before a bad token stops pushing.', {
    max: 0.9,
    step: 0.01,
    refuse: (value) => (value > 0 && value < 1 ? undefined : 'it must lie between 0 and 1.'),
  }),
  weight('epsilon_high', 'ε⁺', 'epsilon high', 0.2, 'How far the ratio may rise above 1; DAPO takes 0.28.', {
    max: 1,
    step: 0.01,
    refuse: (value) => (value > 0 ? undefined : 'it must be greater than 0.'),
  }),
  weight('beta', 'β', 'beta', beta, 'Weight of the KL to the reference; 0 does without a reference.', {
    max: 0.5,
    step: 0.005,
    refuse: (value) => (value >= 0 ? undefined : 'it must not be negative: the policy would be paid for leaving.'),
  }),
  weight(
    'scale_rewards',
    's',
    'scale',
    scaleRewards,
    'Divides advantages: 0 by nothing, 1 by the group, 2 by the batch.',
    {
      max: 2,
      step: 1,
      refuse: (value) => ([0, 1, 2].includes(value) ? undefined : 'it must be 0 (none), 1 (group) or 2 (batch).'),
    },
  ),
];

/** Why the group must not be smaller. */
export const GRPO_GROUP = {
  size: 2,
  reason: 'a group of one has no standard deviation, and nothing to compare its reward with',
} as const;

/** The token loss that GRPO, BNPO and Dr. GRPO share. */
export function evaluateGrpo(
  token: TokenRow,
  { epsilon, epsilon_high, beta }: Readonly<Record<'epsilon' | 'epsilon_high' | 'beta', number>>,
): TokenValue {
  const policy = clippedRatio(token.logp - token.oldLogp, token.advantage, epsilon, epsilon_high);
  const kl = k3(token.logp, token.refLogp);
  return {
    loss: policy.loss + beta * kl.value,
    gradient: policy.gradient + beta * kl.slope,
    valueGradient: 0,
    clipped: policy.clipped,
  };
}

/** Advantages of GRPO with weights of a family member's own. */
export function grpoStatistics(
  batch: GroupBatch,
  scaleRewards: number,
  weightOf: (tokens: number) => number,
): TokenStatistics {
  const advantages = groupAdvantages(batch, scaleRewards);
  const spread = (value: (index: number) => number) =>
    batch.completions.map(({ logps }, index) => logps.map(() => value(index)));
  return {
    advantages: spread((index) => advantages[index]),
    weights: spread((index) => weightOf(batch.completions[index].logps.length)),
  };
}
