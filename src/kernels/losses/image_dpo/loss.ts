import { imageCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import wgsl from './loss.wgsl';

/** Image-conditional DPO: the same text under the clean and the corrupted image (Image-DPO 2501.00569, and the middle term of mDPO). */
export const imageDpo = defineObjective({
  id: 'image_dpo',
  label: 'Image-DPO',
  family: 'images',
  paper: { title: 'Probing Visual Language Priors in VLMs', arxiv: '2501.00569', year: 2025 },
  summary:
    'The chosen text should be likelier with the true image than with a corrupted one: teaches the model to look.',
  problems: ['image-neglect'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h_w - h_i)\\big)',
  needs: ['chosen', 'refChosen', 'corruptedChosen', 'refCorruptedChosen'],
  extras: [{ input: 'corruptedLogRatio', gradient: 'corruptedChosen' }],
  hyperparameters: [beta(0.1)],
  evaluate(pair, { beta }) {
    const rewards = { chosen: beta * pair.chosenLogRatio, rejected: beta * pair.corruptedLogRatio };
    const z = beta * (pair.chosenLogRatio - pair.corruptedLogRatio);
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), rewards, { chosen: slope, rejected: 0, corruptedChosen: -slope });
  },
  curve: imageCurve,
  wgsl,
});
