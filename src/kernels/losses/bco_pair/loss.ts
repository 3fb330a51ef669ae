import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Binary classifier optimisation on pairs, Jung et al. 2024. TRL: `loss_type="bco_pair"`. */
export const bcoPair = defineObjective({
  id: 'bco_pair',
  label: 'BCO on pairs',
  family: 'absolute likelihood',
  paper: {
    title: 'Binary Classifier Optimization for Large Language Model Alignment',
    arxiv: '2404.04656',
    year: 2024,
  },
  summary: 'Trains a classifier whose logit is the reward: chosen answers above a shift δ, rejected ones below.',
  problems: ['likelihood-displacement'],
  formula: '\\mathcal{L} = -\\log\\sigma(\\beta h_w - \\delta) - \\log\\sigma(\\delta - \\beta h_l)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [
    beta(0.1),
    weight('delta', 'δ', 'delta', 0, 'Reward shift: the running mean of all rewards; 0 at the start of training.', {
      min: -2,
      max: 2,
      step: 0.05,
      refuse: undefined,
    }),
  ],
  evaluate(pair, { beta, delta }) {
    const rewards = implicitRewards(pair, beta);
    const { chosen, rejected } = rewards;
    return pairValue(softplus(delta - chosen) + softplus(rejected - delta), rewards, {
      chosen: -beta * sigmoid(delta - chosen),
      rejected: beta * sigmoid(rejected - delta),
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
