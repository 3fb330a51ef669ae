import { meanLogpCurve } from '../curves.ts';
import { beta, gamma } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { meanLogpRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';
import { SIMPO_PAPER } from './paper.ts';

/** SimPO, Meng et al. 2024, equation 6. TRL: `CPOConfig(loss_type="simpo", cpo_alpha=0)`. */
export const simpo = defineObjective({
  id: 'simpo',
  label: 'SimPO',
  family: 'reference-free',
  paper: SIMPO_PAPER,
  summary: 'Compares mean token log-probabilities without any reference, and asks for a margin of at least γ.',
  problems: ['no-reference-memory', 'length-bias'],
  formula:
    '\\mathcal{L} = -\\log\\sigma\\Big(\\frac{\\beta}{|y_w|}\\log\\pi_\\theta(y_w) - \\frac{\\beta}{|y_l|}\\log\\pi_\\theta(y_l) - \\gamma\\Big)',
  needs: ['chosen', 'rejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [
    beta(10, {
      min: 0.1,
      max: 10,
      step: 0.1,
      doc: 'Scales mean token log-probabilities to rewards; released recipes use 2 to 10.',
    }),
    gamma(0.5),
  ],
  // With β 2 and 0.5 between answers of twenty tokens hardly a pair is ever done: docs/training.md.
  training: { learning_rate: 1e-3, per_device_train_batch_size: 8, num_train_epochs: 6 },
  evaluate(pair, { beta, gamma }) {
    const rewards = meanLogpRewards(pair, beta);
    const z = rewards.chosen - rewards.rejected - gamma;
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), rewards, {
      chosen: slope / pair.chosenLength,
      rejected: -slope / pair.rejectedLength,
    });
  },
  curve: meanLogpCurve(),
  wgsl,
});
