import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** The logarithm of a tiny gap would be a large negative offset. */
const SMALLEST_GAP = 1e-3;

/** DPO with an offset, Amini et al. 2024, with f = log. */
export const odpo = defineObjective({
  id: 'odpo',
  label: 'ODPO (offset)',
  family: 'with scores',
  paper: { title: 'Direct Preference Optimization with an Offset', arxiv: '2402.10571', year: 2024 },
  summary: 'DPO that asks for a wider margin where the scores say that the chosen answer is much better.',
  problems: ['preference-strength'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h_w - h_l) - \\alpha\\log(s_w - s_l)\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'scoreChosen', 'scoreRejected'],
  extras: [{ input: 'scoreMargin' }],
  refusePair: ({ scoreChosen, scoreRejected }) =>
    scoreChosen > scoreRejected
      ? undefined
      : `the chosen answer scores ${scoreChosen} and the rejected one ${scoreRejected}; ODPO needs the chosen score to be higher. Swap or remove the pair.`,
  hyperparameters: [beta(0.5), weight('alpha', 'α', 'alpha', 1, 'Strength of the offset; 0 is DPO.')],
  evaluate(pair, { beta, alpha }) {
    const offset = alpha * Math.log(Math.max(pair.scoreMargin, SMALLEST_GAP));
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio) - offset;
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(false),
  wgsl,
});
