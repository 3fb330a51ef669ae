import { logRatioCurve } from '../curves.ts';
import { beta, labelSmoothing } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Conservative DPO, E. Mitchell 2023 (note): DPO with label smoothing. */
export const cdpo = defineObjective({
  id: 'cdpo',
  label: 'cDPO (label smoothing)',
  family: 'with a reference',
  paper: { title: 'A note on DPO with noisy preferences & relationship to IPO', year: 2023 },
  summary: 'DPO that expects a share ε of the labels to be wrong, and so stops pushing at a finite margin.',
  problems: ['noisy-labels', 'overfitting'],
  formula: '\\mathcal{L} = -(1-\\varepsilon)\\log\\sigma(\\beta D) - \\varepsilon\\log\\sigma(-\\beta D)',
  where: 'D = h_w - h_l',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [beta(0.1), labelSmoothing(0.1)],
  evaluate(pair, { beta, label_smoothing: epsilon }) {
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const loss = (1 - epsilon) * softplus(-z) + epsilon * softplus(z);
    const slope = beta * (epsilon * sigmoid(z) - (1 - epsilon) * sigmoid(-z));
    return pairValue(loss, implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(),
  wgsl,
});
