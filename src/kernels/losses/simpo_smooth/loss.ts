import { meanLogpCurve } from '../curves.ts';
import { beta, gamma, labelSmoothing } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { meanLogpRewards } from '../rewards.ts';
import { SIMPO_PAPER } from '../simpo/paper.ts';
import wgsl from './loss.wgsl';

/** SimPO with label smoothing: an option of the paper's code. */
export const simpoSmooth = defineObjective({
  id: 'simpo_smooth',
  label: 'SimPO with label smoothing',
  family: 'reference-free',
  paper: SIMPO_PAPER,
  summary: 'SimPO that expects a share ε of the labels to be wrong.',
  problems: ['no-reference-memory', 'length-bias', 'noisy-labels'],
  formula: '\\mathcal{L} = -(1-\\varepsilon)\\log\\sigma(z) - \\varepsilon\\log\\sigma(-z)',
  where: 'z = \\beta\\,(a_w - a_l) - \\gamma,\\ a = \\tfrac{1}{|y|}\\log\\pi_\\theta(y)',
  needs: ['chosen', 'rejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [
    beta(2, { min: 0.1, max: 10, step: 0.1, doc: 'Scales mean token log-probabilities to rewards.' }),
    gamma(0.5),
    labelSmoothing(0.1),
  ],
  evaluate(pair, { beta, gamma, label_smoothing: epsilon }) {
    const rewards = meanLogpRewards(pair, beta);
    const z = rewards.chosen - rewards.rejected - gamma;
    const slope = beta * (epsilon * sigmoid(z) - (1 - epsilon) * sigmoid(-z));
    return pairValue((1 - epsilon) * softplus(-z) + epsilon * softplus(z), rewards, {
      chosen: slope / pair.chosenLength,
      rejected: -slope / pair.rejectedLength,
    });
  },
  curve: meanLogpCurve(),
  wgsl,
});
