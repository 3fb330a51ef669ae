import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Identity preference optimisation, Azar et al. 2023, equation 17, on sequence sums as the paper writes it. */
export const ipoSum = defineObjective({
  id: 'ipo_sum',
  label: 'IPO (sequence sums)',
  family: 'with a reference',
  paper: {
    title: 'A General Theoretical Paradigm to Understand Learning from Human Preferences',
    arxiv: '2310.12036',
    year: 2023,
  },
  summary: 'Regresses the log-ratio margin to a fixed target, so that certain labels cannot push it to infinity.',
  problems: ['overfitting'],
  formula: '\\mathcal{L} = \\Big(h_w - h_l - \\frac{1}{2\\beta}\\Big)^2',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [
    beta(0.1, {
      doc: 'Sets the target margin 1/(2β), in nats on the whole sequence: 5 at β = 0.1. The paper calls it τ.',
    }),
  ],
  evaluate(pair, { beta }) {
    const error = pair.chosenLogRatio - pair.rejectedLogRatio - 1 / (2 * beta);
    return pairValue(error ** 2, implicitRewards(pair, beta), { chosen: 2 * error, rejected: -2 * error });
  },
  curve: logRatioCurve(),
  wgsl,
});
