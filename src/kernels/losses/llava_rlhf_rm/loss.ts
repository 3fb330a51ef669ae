import { defineRewardModel } from '../families/reward-model.ts';
import { weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import type { HyperparameterValues } from '../objective.ts';
import wgsl from './loss.wgsl';

/** LLaVA-RLHF's reward-model loss, Sun et al. 2023: Bradley-Terry plus the size of the batch's mean score. */
export const llavaRlhfRm = defineRewardModel({
  id: 'llava_rlhf_rm',
  label: 'LLaVA-RLHF reward model',
  paper: {
    title: 'Aligning Large Multimodal Models with Factually Augmented RLHF',
    arxiv: '2309.14525',
    year: 2023,
  },
  summary: 'Bradley–Terry that keeps the mean score of the whole batch near zero, however single pairs stand.',
  problems: ['reward-model', 'reward-drift', 'hallucination'],
  formula: '\\mathcal{L} = -\\log\\sigma(r_w - r_l) + c\\,\\operatorname{sgn}(\\bar{s})\\,(r_w + r_l)',
  where: '\\bar{s} = \\overline{r_w + r_l}',
  hyperparameters: [
    weight('center_weight', 'c', 'c', 1e-3, 'How firmly the mean score of the batch is held at zero.', {
      max: 0.05,
      step: 0.001,
    }),
  ],
  prepared: ['mean_sign'],
  // The mean over pairs of sign(mean) (a + b) is |mean|: each pair's share of the term, with its exact gradient.
  prepare: (pairs, values) => ({
    ...values,
    mean_sign: Math.sign(pairs.reduce((sum, { scoreChosen, scoreRejected }) => sum + scoreChosen + scoreRejected, 0)),
  }),
  evaluate({ scoreChosen, scoreRejected }, values) {
    const { mean_sign = 0 } = values as HyperparameterValues;
    const z = scoreChosen - scoreRejected;
    const pull = values.center_weight * mean_sign;
    return {
      loss: softplus(-z) + pull * (scoreChosen + scoreRejected),
      gradients: { chosen: pull - sigmoid(-z), rejected: pull + sigmoid(-z) },
    };
  },
  wgsl,
});
