import { leaveOneOutAdvantages } from '../families/advantages.ts';
import { defineSequenceLoss } from '../families/group.ts';
import { clippedRatio } from '../families/policy-ratio.ts';
import { weight } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** REINFORCE leave-one-out, Ahmadian et al. 2024, equation 7, with TRL's sequence ratio. TRL: `RLOOTrainer`. */
export const rloo = defineSequenceLoss({
  id: 'rloo',
  label: 'RLOO',
  level: 'sequence',
  paper: {
    title: 'Back to Basics: Revisiting REINFORCE Style Optimization for Learning from Human Feedback in LLMs',
    arxiv: '2402.14740',
    year: 2024,
  },
  summary: 'Plain policy gradient; each answer is measured against the mean of the others to its prompt.',
  problems: ['no-critic'],
  formula: '\\mathcal{L} = -\\frac{1}{B}\\sum_i \\min\\big(\\rho_i A_i,\\, \\mathrm{clip}(\\rho_i) A_i\\big)',
  where: 'A_i = R_i - \\frac{1}{K-1}\\sum_{j \\ne i} R_j',
  needs: ['refLogps'],
  group: { size: 2, reason: 'an answer is measured against the mean of the others, and there must be another' },
  hyperparameters: [
    weight('beta', 'β', 'beta', 0.05, 'Price of the KL to the reference, taken off the reward; 0 does without one.', {
      max: 0.5,
      step: 0.005,
      refuse: (value) => (value >= 0 ? undefined : 'it must not be negative: the policy would be paid for leaving.'),
    }),
    weight('epsilon', 'ε', 'epsilon', 0.2, 'How far the ratio of a whole answer may leave 1.', {
      min: 0.01,
      max: 0.9,
      step: 0.01,
      refuse: (value) => (value > 0 && value < 1 ? undefined : 'it must lie between 0 and 1.'),
    }),
  ],
  ratioTo: 'old',
  scale: ({ completions }) => 1 / completions.length,
  signals({ completions, groupSize }, { beta }) {
    const rewards = completions.map(({ logps, oldLogps = logps, refLogps = oldLogps, reward }) => {
      const kl = oldLogps.reduce((sum, old, t) => sum + (old - refLogps[t]), 0);
      return reward - beta * kl;
    });
    return leaveOneOutAdvantages(rewards, groupSize);
  },
  evaluate(group, index, { epsilon }) {
    const { logRatio, signal } = group[index];
    const { loss, gradient } = clippedRatio(logRatio, signal, epsilon, epsilon);
    return { loss, gradient };
  },
  wgsl,
});
