import { defineRewardModel } from '../families/reward-model.ts';
import { weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import wgsl from './loss.wgsl';

/** Bradley-Terry with a margin per pair, Touvron et al. 2023, equation 2. TRL: the `margin` column. */
export const bradleyTerryMargin = defineRewardModel({
  id: 'bradley_terry_margin',
  label: 'Bradley–Terry with margin',
  paper: { title: 'Llama 2: Open Foundation and Fine-Tuned Chat Models', arxiv: '2307.09288', year: 2023 },
  summary: 'Asks a larger score difference of pairs whose chosen answer was called much better.',
  problems: ['reward-model', 'preference-strength'],
  formula: '\\mathcal{L} = -\\log\\sigma(r_w - r_l - s\\,m)',
  needsMargin: true,
  hyperparameters: [
    weight('margin_scale', 's', 'scale', 1, 'Scales the margins of all pairs; 0 is plain Bradley–Terry.', { max: 3 }),
  ],
  evaluate({ scoreChosen, scoreRejected, margin }, { margin_scale }) {
    const z = scoreChosen - scoreRejected - margin_scale * margin;
    return { loss: softplus(-z), gradients: { chosen: -sigmoid(-z), rejected: sigmoid(-z) } };
  },
  wgsl,
});
