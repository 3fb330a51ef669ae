import { meanLogpCurve } from '../curves.ts';
import { beta, gamma } from '../knobs.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { meanLogpRewards } from '../rewards.ts';
import { SIMPO_PAPER } from '../simpo/paper.ts';
import wgsl from './loss.wgsl';

/** SimPO with a hinge instead of the logistic link: `loss_type="hinge"` of the paper's code. */
export const simpoHinge = defineObjective({
  id: 'simpo_hinge',
  label: 'SimPO, hinge',
  family: 'reference-free',
  paper: SIMPO_PAPER,
  summary: 'SimPO that pushes at full strength until the reward margin reaches 1 + γ, and then not at all.',
  problems: ['no-reference-memory', 'length-bias', 'overfitting'],
  formula: '\\mathcal{L} = \\max\\big(0,\\ 1 - \\beta\\,(a_w - a_l) + \\gamma\\big)',
  where: 'a = \\tfrac{1}{|y|}\\log\\pi_\\theta(y)',
  needs: ['chosen', 'rejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [
    beta(2, { min: 0.1, max: 10, step: 0.1, doc: 'Scales mean token log-probabilities to rewards.' }),
    gamma(0.5),
  ],
  evaluate(pair, { beta, gamma }) {
    const rewards = meanLogpRewards(pair, beta);
    const slack = 1 - (rewards.chosen - rewards.rejected - gamma);
    const slope = slack > 0 ? -beta : 0;
    return pairValue(Math.max(0, slack), rewards, {
      chosen: slope / pair.chosenLength,
      rejected: -slope / pair.rejectedLength,
    });
  },
  curve: meanLogpCurve(),
  wgsl,
});
