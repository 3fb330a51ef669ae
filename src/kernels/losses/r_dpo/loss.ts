import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Length-regularised DPO, Park et al. 2024; also iterative length-regularised DPO (2406.11817). */
export const rDpo = defineObjective({
  id: 'r_dpo',
  label: 'R-DPO (length-regularised)',
  family: 'with a reference',
  paper: {
    title: 'Disentangling Length from Quality in Direct Preference Optimization',
    arxiv: '2403.19159',
    year: 2024,
  },
  summary: 'DPO that expects a longer chosen answer to win, and so learns less from wins that length explains.',
  problems: ['length-bias'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h_w - h_l) + \\alpha\\,(|y_w| - |y_l|)\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [
    beta(0.1),
    weight('alpha', 'α', 'alpha', 0.02, 'Reward that one extra token is taken to be worth.', { max: 0.2, step: 0.005 }),
  ],
  evaluate(pair, { beta, alpha }) {
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio) + alpha * (pair.chosenLength - pair.rejectedLength);
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(false),
  wgsl,
});
