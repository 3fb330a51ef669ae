import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** HA-DPO, Zhao et al. 2023: DPO and the language-model loss on a separate batch of captions. */
export const haDpo = defineObjective({
  id: 'ha_dpo',
  label: 'HA-DPO',
  family: 'mixed with SFT',
  paper: {
    title: 'Beyond Hallucinations: Enhancing LVLMs through Hallucination-Aware Direct Preference Optimization',
    arxiv: '2311.16839',
    year: 2023,
  },
  summary: 'DPO against hallucinations, beside ordinary training on a batch of captions that keeps the model fluent.',
  problems: ['hallucination', 'forgetting'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h_w - h_l)\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [
    beta(0.1),
    weight('gamma', 'γ', 'gamma', 0.5, 'Weight of the caption batch.'),
    weight(
      'aux_nll',
      'CE',
      'caption loss',
      0,
      'Token-mean cross entropy of the caption batch, measured elsewhere; it carries no gradient to these pairs.',
      { max: 10, step: 0.1 },
    ),
  ],
  evaluate(pair, { beta }) {
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  batchTerm: {
    formula: '\\gamma\\,\\mathrm{CE}_{\\mathrm{aux}}',
    constant: ({ gamma, aux_nll }) => gamma * aux_nll,
  },
  curve: logRatioCurve(),
  wgsl,
});
