import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** DiscoPOP: the log-ratio-modulated loss of Lu et al. 2024. TRL: `loss_type="discopop"`. */
export const discopop = defineObjective({
  id: 'discopop',
  label: 'DiscoPOP',
  family: 'with a reference',
  paper: {
    title: 'Discovering Preference Optimization Algorithms with and for Large Language Models',
    arxiv: '2406.08414',
    year: 2024,
  },
  summary: 'A blend of logistic and exponential loss that a language model discovered by search.',
  problems: ['learning-from-pairs'],
  formula: '\\mathcal{L} = -(1-m)\\log\\sigma(z) + m\\,e^{-z}',
  where: 'm = \\sigma(z/\\tau),\\ z = \\beta\\,(h_w - h_l)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [
    beta(0.05),
    weight('tau', 'τ', 'tau', 0.05, 'Temperature of the switch between the two losses.', {
      min: 0.02,
      max: 1,
      step: 0.01,
      refuse: (value) => (value > 0 && value <= 1 ? undefined : 'it must be greater than 0 and at most 1.'),
    }),
  ],
  evaluate(pair, { beta, tau }) {
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const [m, rest] = [sigmoid(z / tau), sigmoid(-z / tau)];
    // m e^-z as one exponential: apart, the two are 0 and infinity for z far below 0.
    const exponential = Math.exp(-z - softplus(-z / tau));
    const slope = beta * ((-m * rest * softplus(-z)) / tau - rest * sigmoid(-z) + exponential * (rest / tau - 1));
    return pairValue(rest * softplus(-z) + exponential, implicitRewards(pair, beta), {
      chosen: slope,
      rejected: -slope,
    });
  },
  curve: logRatioCurve(),
  wgsl,
});
