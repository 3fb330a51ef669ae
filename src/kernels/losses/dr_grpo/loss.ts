import { defineTokenLoss } from '../families/group.ts';
import { evaluateGrpo, GRPO_GROUP, grpoKnobs, grpoStatistics } from '../families/policy-ratio.ts';
import { weight } from '../knobs.ts';
import wgsl from './loss.wgsl';

/** GRPO done right, Liu et al. 2025: no division by the answer's length, none by the deviation. TRL: `dr_grpo`. */
export const drGrpo = defineTokenLoss({
  id: 'dr_grpo',
  label: 'Dr. GRPO',
  level: 'token',
  paper: { title: 'Understanding R1-Zero-Like Training: A Critical Perspective', arxiv: '2503.20783', year: 2025 },
  summary: 'GRPO without its two biases: wrong answers gain nothing by being long, and easy prompts count no more.',
  problems: ['no-critic', 'length-bias'],
  formula:
    '\\mathcal{L} = \\frac{1}{B\\,T}\\sum_i \\sum_t \\Big[-\\min\\big(\\rho_t A_i,\\, \\mathrm{clip}(\\rho_t) A_i\\big) + \\beta\\,(e^{d_t} - d_t - 1)\\Big]',
  where: 'A_i = R_i - \\bar{R}',
  needs: ['refLogps'],
  group: GRPO_GROUP,
  hyperparameters: [
    ...grpoKnobs(0, 0),
    weight(
      'max_completion_length',
      'T',
      'T',
      256,
      'The constant every answer is divided by: its longest possible length.',
      {
        min: 1,
        max: 1024,
        step: 1,
        refuse: (value) => (value >= 1 ? undefined : 'it must be at least 1.'),
      },
    ),
  ],
  statistics: (batch, { scale_rewards, max_completion_length }) =>
    grpoStatistics(batch, scale_rewards, () => 1 / (batch.completions.length * max_completion_length)),
  evaluate: evaluateGrpo,
  wgsl,
});
