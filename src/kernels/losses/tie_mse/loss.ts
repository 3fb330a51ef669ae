import { defineRewardModel } from '../families/reward-model.ts';
import wgsl from './loss.wgsl';

/** What MM-RLHF's reward model does with pairs that were called equal: scores are pulled together. */
export const tieMse = defineRewardModel({
  id: 'tie_mse',
  label: 'Tied pairs',
  paper: { title: 'MM-RLHF: The Next Step Forward in Multimodal LLM Alignment', arxiv: '2502.10391', year: 2025 },
  summary: 'For answers that were called equally good: their scores shall be equal too.',
  problems: ['reward-model', 'ties'],
  formula: '\\mathcal{L} = (r_w - r_l)^2',
  hyperparameters: [],
  evaluate({ scoreChosen, scoreRejected }) {
    const z = scoreChosen - scoreRejected;
    return { loss: z ** 2, gradients: { chosen: 2 * z, rejected: -2 * z } };
  },
  wgsl,
});
