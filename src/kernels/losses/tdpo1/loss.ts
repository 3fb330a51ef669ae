import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import wgsl from './loss.wgsl';

/** Token-level DPO, form 1, Zeng et al. 2024. */
export const tdpo1 = defineObjective({
  id: 'tdpo1',
  label: 'TDPO-1',
  family: 'token-weighted',
  paper: { title: 'Token-level Direct Preference Optimization', arxiv: '2404.11999', year: 2024 },
  summary: 'DPO that also counts how far the whole next-token distribution has drifted along each answer.',
  problems: ['divergence'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,[(h_w - h_l) - (K_l - K_w)]\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'sequenceKlChosen', 'sequenceKlRejected'],
  extras: [
    { input: 'sequenceKlChosen', gradient: 'sequenceKlChosen' },
    { input: 'sequenceKlRejected', gradient: 'sequenceKlRejected' },
  ],
  hyperparameters: [beta(0.1)],
  evaluate(pair, { beta }) {
    const { chosenLogRatio, rejectedLogRatio, sequenceKlChosen, sequenceKlRejected } = pair;
    const rewards = {
      chosen: beta * (chosenLogRatio + sequenceKlChosen),
      rejected: beta * (rejectedLogRatio + sequenceKlRejected),
    };
    const z = beta * (chosenLogRatio - rejectedLogRatio - (sequenceKlRejected - sequenceKlChosen));
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), rewards, {
      chosen: slope,
      rejected: -slope,
      sequenceKlChosen: slope,
      sequenceKlRejected: -slope,
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
