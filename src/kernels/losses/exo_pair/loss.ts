import { logRatioCurve } from '../curves.ts';
import { beta, labelSmoothing } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Efficient exact optimisation, Ji et al. 2024, for two answers. TRL: `loss_type="exo_pair"`. */
export const exoPair = defineObjective({
  id: 'exo_pair',
  label: 'EXO',
  family: 'with a reference',
  paper: { title: 'Towards Efficient Exact Optimization of Language Model Alignment', arxiv: '2402.00856', year: 2024 },
  summary: 'Matches the policy’s own preference to the labels with the reverse KL, which seeks one good mode.',
  problems: ['divergence'],
  formula:
    '\\mathcal{L} = \\sigma(z)\\log\\frac{\\sigma(z)}{1-\\varepsilon} + \\sigma(-z)\\log\\frac{\\sigma(-z)}{\\varepsilon}',
  where: 'z = \\beta\\,(h_w - h_l)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [
    beta(0.1),
    labelSmoothing(0.001, {
      min: 0.001,
      step: 0.001,
      refuse: (value) =>
        value > 0 && value < 0.5 ? undefined : 'it must lie between 0 and 0.5: the loss takes its logarithm.',
    }),
  ],
  evaluate(pair, { beta, label_smoothing: epsilon }) {
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const [won, lost] = [sigmoid(z), sigmoid(-z)];
    const [logWon, logLost] = [Math.log1p(-epsilon), Math.log(epsilon)];
    const slope = beta * won * lost * (z - logWon + logLost);
    return pairValue(won * (-softplus(-z) - logWon) + lost * (-softplus(z) - logLost), implicitRewards(pair, beta), {
      chosen: slope,
      rejected: -slope,
    });
  },
  curve: logRatioCurve(),
  wgsl,
});
