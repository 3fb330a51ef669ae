import { meanLogpCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { meanLogpRewards } from '../rewards.ts';
import { SIMPO_PAPER } from '../simpo/paper.ts';
import wgsl from './loss.wgsl';

/** SimPO with a target margin of zero: the ablation of the paper. */
export const simpoNoMargin = defineObjective({
  id: 'simpo_no_margin',
  label: 'SimPO without margin',
  family: 'reference-free',
  paper: SIMPO_PAPER,
  summary: 'SimPO with γ = 0: the chosen answer only has to be more likely per token.',
  problems: ['no-reference-memory', 'length-bias'],
  formula:
    '\\mathcal{L} = -\\log\\sigma\\Big(\\frac{\\beta}{|y_w|}\\log\\pi_\\theta(y_w) - \\frac{\\beta}{|y_l|}\\log\\pi_\\theta(y_l)\\Big)',
  needs: ['chosen', 'rejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [beta(2, { min: 0.1, max: 10, step: 0.1, doc: 'Scales mean token log-probabilities to rewards.' })],
  evaluate(pair, { beta }) {
    const rewards = meanLogpRewards(pair, beta);
    const z = rewards.chosen - rewards.rejected;
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), rewards, {
      chosen: slope / pair.chosenLength,
      rejected: -slope / pair.rejectedLength,
    });
  },
  curve: meanLogpCurve(),
  wgsl,
});
