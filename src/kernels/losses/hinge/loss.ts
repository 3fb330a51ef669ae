import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Hinge on the normalised likelihood (RSO `hinge-norm`), Liu et al. 2023. TRL: `loss_type="hinge"`. */
export const hinge = defineObjective({
  id: 'hinge',
  label: 'Hinge (RSO, SLiC)',
  family: 'with a reference',
  paper: { title: 'Statistical Rejection Sampling Improves Preference Optimization', arxiv: '2309.06657', year: 2023 },
  summary: 'Pushes at full strength until the margin reaches 1/β, and then not at all.',
  problems: ['overfitting'],
  formula: '\\mathcal{L} = \\max\\big(0,\\ 1 - \\beta\\,(h_w - h_l)\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [beta(0.1, { doc: 'The margin at which a pair stops pushing is 1/β, in nats.' })],
  evaluate(pair, { beta }) {
    const slack = 1 - beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const slope = slack > 0 ? -beta : 0;
    return pairValue(Math.max(0, slack), implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(),
  wgsl,
});
