import { defineTokenLoss } from '../families/group.ts';
import { evaluateGrpo, GRPO_GROUP, grpoKnobs, grpoStatistics } from '../families/policy-ratio.ts';
import { weight } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** DAPO's token-level mean, Yu et al. 2025, equation 12; over one batch TRL calls it `bnpo`. */
export const bnpo = defineTokenLoss({
  id: 'bnpo',
  label: 'BNPO / DAPO',
  level: 'token',
  paper: { title: 'DAPO: An Open-Source LLM Reinforcement Learning System at Scale', arxiv: '2503.14476', year: 2025 },
  summary: 'GRPO in which every token of the batch weighs the same, so that long answers are not diluted.',
  problems: ['no-critic', 'length-bias'],
  formula:
    '\\mathcal{L} = \\frac{1}{N}\\sum_i \\sum_t \\Big[-\\min\\big(\\rho_t A_i,\\, \\mathrm{clip}(\\rho_t) A_i\\big) + \\beta\\,(e^{d_t} - d_t - 1)\\Big]',
  where: 'N = \\sum_i |y_i|',
  needs: ['refLogps'],
  group: GRPO_GROUP,
  hyperparameters: [
    ...grpoKnobs(0, 1),
    weight(
      'num_items_in_batch',
      'N',
      'N',
      0,
      'Tokens of the whole accumulated batch (DAPO); 0 counts this batch (BNPO).',
      {
        max: 10000,
        step: 1,
      },
    ),
  ],
  statistics(batch, { scale_rewards, num_items_in_batch }) {
    const here = batch.completions.reduce((sum, { logps }) => sum + logps.length, 0);
    return grpoStatistics(batch, scale_rewards, () => 1 / (num_items_in_batch || here));
  },
  evaluate: evaluateGrpo,
  wgsl,
});
