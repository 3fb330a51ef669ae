import { logpCurve } from '../curves.ts';
import { refuseUnlessPositive, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { logpRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Contrastive preference learning, Hejna et al. 2023: the regret view, with the bias of the public code. */
export const cpl = defineObjective({
  id: 'cpl',
  label: 'CPL',
  family: 'reference-free',
  paper: {
    title: 'Contrastive Preference Learning: Learning from Human Feedback without RL',
    arxiv: '2310.13639',
    year: 2023,
  },
  summary:
    'Reads preferences as regret, so that the reward is α times the log-probability; a bias λ_b holds the policy to the data.',
  problems: ['learning-from-pairs', 'no-reference-memory'],
  formula:
    '\\mathcal{L} = -\\log\\sigma\\big(\\alpha\\log\\pi_\\theta(y_w) - \\lambda_b\\,\\alpha\\log\\pi_\\theta(y_l)\\big) - c\\log\\pi_\\theta(y_w)',
  needs: ['chosen', 'rejected'],
  hyperparameters: [
    weight('alpha', 'α', 'alpha', 0.1, 'Temperature: scales log-probabilities to advantages.', {
      min: 0.01,
      max: 1,
      step: 0.01,
      scale: 'log',
      refuse: refuseUnlessPositive,
    }),
    weight('bias', 'λ_b', 'bias', 0.5, 'Weight of the rejected answer; below 1 the policy keeps nearer to the data.', {
      max: 1,
    }),
    weight('bc_coeff', 'c', 'cloning', 0, 'Weight of plain cloning of the chosen answer.', { max: 1, step: 0.01 }),
  ],
  evaluate(pair, { alpha, bias, bc_coeff }) {
    const z = alpha * (pair.chosen - bias * pair.rejected);
    const slope = -alpha * sigmoid(-z);
    return pairValue(softplus(-z) - bc_coeff * pair.chosen, logpRewards(pair, alpha), {
      chosen: slope - bc_coeff,
      rejected: -bias * slope,
    });
  },
  curve: logpCurve(false),
  wgsl,
});
