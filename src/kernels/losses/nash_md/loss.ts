import { defineTokenLoss } from '../families/group.ts';
import { beta } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** Nash mirror descent, Munos et al. 2023. TRL: `trl.experimental.nash_md`. */
export const nashMd = defineTokenLoss({
  id: 'nash_md',
  label: 'Nash-MD',
  level: 'token',
  surrogate: true,
  paper: { title: 'Nash Learning from Human Feedback', arxiv: '2312.00886', year: 2023 },
  summary: 'Plays against a mixture of itself and the reference, and seeks the policy that no other beats.',
  problems: ['intransitive-preferences', 'off-policy-data'],
  formula:
    '\\mathcal{L} = \\frac{1}{B}\\sum_i \\sum_t \\Big[\\beta\\,\\mathrm{sg}\\big[\\log\\tfrac{\\pi_\\theta}{\\pi_{\\mathrm{ref}}}\\big] - (P_i - \\tfrac{1}{2})\\Big]\\log\\pi_\\theta(y_{i,t})',
  needs: ['refLogps'],
  group: { size: 1, reason: 'there must be an answer' },
  hyperparameters: [beta(0.1)],
  refuseBatch: ({ completions }) =>
    completions.every(({ reward }) => reward >= 0 && reward <= 1)
      ? undefined
      : 'the reward is a probability of winning and must lie between 0 and 1.',
  statistics: ({ completions }) => ({
    advantages: completions.map(({ logps, reward }) => logps.map(() => reward - 0.5)),
    weights: completions.map(({ logps }) => logps.map(() => 1 / completions.length)),
  }),
  // The log-ratio stands under a stop-gradient: the loss is a surrogate whose gradient is meant, not its value.
  evaluate({ logp, refLogp, advantage }, { beta }) {
    const gradient = beta * (logp - refLogp) - advantage;
    return { loss: gradient * logp, gradient, valueGradient: 0, clipped: 0 };
  },
  wgsl,
});
