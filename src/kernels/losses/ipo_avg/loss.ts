import { meanLogRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Identity preference optimisation on per-token averages. TRL: `loss_type="ipo"`. */
export const ipoAvg = defineObjective({
  id: 'ipo_avg',
  label: 'IPO (per token)',
  family: 'with a reference',
  paper: {
    title: 'A General Theoretical Paradigm to Understand Learning from Human Preferences',
    arxiv: '2310.12036',
    year: 2023,
  },
  summary: 'IPO with each log-ratio divided by its answer’s length, as TRL runs it.',
  problems: ['overfitting', 'length-bias'],
  formula: '\\mathcal{L} = \\Big(\\frac{h_w}{|y_w|} - \\frac{h_l}{|y_l|} - \\frac{1}{2\\beta}\\Big)^2',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'chosenLength', 'rejectedLength'],
  hyperparameters: [
    beta(0.1, {
      max: 5,
      doc: 'Sets the target margin 1/(2β) in nats per token; below β = 0.5 it is out of reach for most texts.',
    }),
  ],
  evaluate(pair, { beta }) {
    const { chosenLength, rejectedLength } = pair;
    const error = pair.chosenLogRatio / chosenLength - pair.rejectedLogRatio / rejectedLength - 1 / (2 * beta);
    return pairValue(error ** 2, implicitRewards(pair, beta), {
      chosen: (2 * error) / chosenLength,
      rejected: (-2 * error) / rejectedLength,
    });
  },
  curve: meanLogRatioCurve,
  wgsl,
});
