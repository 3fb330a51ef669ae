import { logRatioCurve } from '../curves.ts';
import { beta, labelSmoothing } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Robust DPO, Chowdhury et al. 2024. TRL: `loss_type="robust"`. */
export const robustDpo = defineObjective({
  id: 'robust_dpo',
  label: 'Robust DPO',
  family: 'with a reference',
  paper: {
    title: 'Provably Robust DPO: Aligning Language Models with Noisy Feedback',
    arxiv: '2403.00409',
    year: 2024,
  },
  summary: 'Corrects the DPO loss for a known share ε of flipped labels, so that it is right on average.',
  problems: ['noisy-labels'],
  formula:
    '\\mathcal{L} = \\frac{-(1-\\varepsilon)\\log\\sigma(\\beta D) + \\varepsilon\\log\\sigma(-\\beta D)}{1 - 2\\varepsilon}',
  where: 'D = h_w - h_l',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [beta(0.1), labelSmoothing(0.1, { max: 0.45 })],
  evaluate(pair, { beta, label_smoothing: epsilon }) {
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    // (1-e) softplus(-z) - e softplus(z) with softplus(z) = z + softplus(-z): no two large terms cancel.
    const flipped = epsilon / (1 - 2 * epsilon);
    const slope = -beta * (sigmoid(-z) + flipped);
    return pairValue(softplus(-z) - flipped * z, implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(),
  wgsl,
});
