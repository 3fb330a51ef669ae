import { sftWeight } from '../knobs.ts';
import { defineObjective } from '../objective.ts';
import { simpo } from '../simpo/loss.ts';
import wgsl from './loss.wgsl';

/** SimPO plus the likelihood of the chosen answers: `sft_weight` of the paper's code. */
export const simpoSft = defineObjective({
  ...simpo,
  id: 'simpo_sft',
  label: 'SimPO + SFT',
  family: 'mixed with SFT',
  summary: 'SimPO with the likelihood of the chosen answers added, to hold the policy to fluent text.',
  problems: ['no-reference-memory', 'length-bias', 'likelihood-displacement', 'forgetting'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(a_w - a_l) - \\gamma\\big)',
  where: 'a = \\tfrac{1}{|y|}\\log\\pi_\\theta(y)',
  hyperparameters: [...simpo.hyperparameters, sftWeight('sft_weight', 0.1, 'λ', 'lambda')],
  batchTerm: {
    formula: '\\lambda\\,\\mathrm{NLL}(y_w)',
    nllWeight: ({ sft_weight }) => sft_weight,
  },
  wgsl,
});
