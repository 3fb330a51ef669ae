import { defineTokenLoss } from '../families/group.ts';
import { evaluateGrpo, GRPO_GROUP, grpoKnobs, grpoStatistics } from '../families/policy-ratio.ts';
import wgsl from './loss.wgsl';

/** Group relative policy optimization, Shao et al. 2024, equation 3. TRL: `GRPOConfig(loss_type="grpo")`. */
export const grpo = defineTokenLoss({
  id: 'grpo',
  label: 'GRPO',
  level: 'token',
  paper: {
    title: 'DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language Models',
    arxiv: '2402.03300',
    year: 2024,
  },
  summary: 'Samples several answers and pushes each by how much better it did than its neighbours: no critic.',
  problems: ['no-critic'],
  formula:
    '\\mathcal{L} = \\frac{1}{B}\\sum_i \\frac{1}{|y_i|}\\sum_t \\Big[-\\min\\big(\\rho_t A_i,\\, \\mathrm{clip}(\\rho_t) A_i\\big) + \\beta\\,(e^{d_t} - d_t - 1)\\Big]',
  where: 'A_i = \\frac{R_i - \\bar{R}}{\\mathrm{std}(R) + 10^{-4}}',
  needs: ['refLogps'],
  group: GRPO_GROUP,
  hyperparameters: grpoKnobs(0.04, 1),
  statistics: (batch, { scale_rewards }) =>
    grpoStatistics(batch, scale_rewards, (tokens) => 1 / (batch.completions.length * tokens)),
  evaluate: evaluateGrpo,
  wgsl,
});
