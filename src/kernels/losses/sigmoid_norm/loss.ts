import { meanLogRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Length-normalised DPO, as in Tülu 3 (Lambert et al. 2024). TRL: `loss_type="sigmoid_norm"`. */
export const sigmoidNorm = defineObjective({
  id: 'sigmoid_norm',
  label: 'Length-normalised DPO',
  family: 'with a reference',
  paper: { title: 'Tülu 3: Pushing Frontiers in Open Language Model Post-Training', arxiv: '2411.15124', year: 2024 },
  summary: 'DPO on mean token log-ratios, so that length no longer adds to the margin.',
  problems: ['length-bias'],
  formula: '\\mathcal{L} = -\\log\\sigma\\Big(\\beta\\Big(\\frac{h_w}{|y_w|} - \\frac{h_l}{|y_l|}\\Big)\\Big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [
    beta(2, {
      min: 0.1,
      max: 20,
      step: 0.1,
      doc: 'Scales mean token log-ratios: 2 to 10, because a mean is far smaller than a sum.',
    }),
  ],
  evaluate(pair, { beta }) {
    const { chosenLength, rejectedLength } = pair;
    const z = beta * (pair.chosenLogRatio / chosenLength - pair.rejectedLogRatio / rejectedLength);
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), {
      chosen: slope / chosenLength,
      rejected: -slope / rejectedLength,
    });
  },
  curve: meanLogRatioCurve,
  wgsl,
});
