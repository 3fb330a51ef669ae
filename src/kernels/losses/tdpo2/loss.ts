import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import wgsl from './loss.wgsl';

/** Token-level DPO, form 2, Zeng et al. 2024: the default of the paper. */
export const tdpo2 = defineObjective({
  id: 'tdpo2',
  label: 'TDPO-2',
  family: 'token-weighted',
  paper: { title: 'Token-level Direct Preference Optimization', arxiv: '2404.11999', year: 2024 },
  summary: 'TDPO that holds only the rejected answer’s drift, with a weight: the chosen answer’s KL is a constant.',
  problems: ['divergence'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,[(h_w - h_l) - \\alpha\\,(K_l - \\mathrm{sg}[K_w])]\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'sequenceKlChosen', 'sequenceKlRejected'],
  extras: [{ input: 'sequenceKlRejected', gradient: 'sequenceKlRejected' }, { input: 'sequenceKlChosen' }],
  hyperparameters: [beta(0.1), weight('alpha', 'α', 'alpha', 0.5, 'Weight of the difference of the sequence KLs.')],
  evaluate(pair, { beta, alpha }) {
    const { chosenLogRatio, rejectedLogRatio, sequenceKlChosen, sequenceKlRejected } = pair;
    const rewards = {
      chosen: beta * (chosenLogRatio + sequenceKlChosen),
      rejected: beta * (rejectedLogRatio + sequenceKlRejected),
    };
    const z = beta * (chosenLogRatio - rejectedLogRatio - alpha * (sequenceKlRejected - sequenceKlChosen));
    const slope = -beta * sigmoid(-z);
    // No gradient into the chosen answer's KL: it stands under a stop-gradient.
    return pairValue(softplus(-z), rewards, { chosen: slope, rejected: -slope, sequenceKlRejected: -alpha * slope });
  },
  curve: logRatioCurve(false),
  wgsl,
});
