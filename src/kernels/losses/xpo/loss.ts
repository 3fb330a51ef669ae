import { defineSequenceLoss } from '../families/group.ts';
import { judgedDpo, judgedScores, missingEosPenalty } from '../families/judged-pair.ts';
import { beta, weight } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** Exploratory preference optimization, Xie et al. 2024, algorithm 1. TRL: `trl.experimental.xpo`. */
export const xpo = defineSequenceLoss({
  id: 'xpo',
  label: 'XPO',
  level: 'sequence',
  paper: {
    title: 'Exploratory Preference Optimization: Harnessing Implicit Q*-Approximation for Sample-Efficient RLHF',
    arxiv: '2405.21046',
    year: 2024,
  },
  summary: 'Online DPO that pushes away from what the reference writes, so that new answers get tried.',
  problems: ['off-policy-data', 'exploration'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h_w - h_l)\\big) + \\alpha\\,\\log\\pi_\\theta(y_2)',
  where: 'y_1 \\sim \\pi_\\theta,\\quad y_2 \\sim \\pi_{\\mathrm{ref}}',
  needs: ['refLogps'],
  group: { size: 2, exact: true, reason: 'a prompt has one answer of the policy, then one of the reference' },
  hyperparameters: [
    beta(0.1),
    weight('alpha', 'α', 'alpha', 1e-5, 'Strength of the optimism; 0 is online DPO.', { max: 0.02, step: 1e-5 }),
    missingEosPenalty(),
  ],
  ratioTo: 'reference',
  scale: ({ completions }) => 2 / completions.length,
  signals: (batch, { missing_eos_penalty }) => judgedScores(batch, missing_eos_penalty),
  // The pair's DPO loss is booked under the policy's answer, the optimism under the reference's.
  evaluate(group, index, { beta, alpha }) {
    const { loss, slope } = judgedDpo(group, beta);
    return index === 0 ? { loss, gradient: slope } : { loss: alpha * group[1].logp, gradient: alpha - slope };
  },
  wgsl,
});
