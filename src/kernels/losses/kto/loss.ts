import { defineUnpaired } from '../families/unpaired.ts';
import { beta } from '../knobs.ts';
import { evaluateKto, ktoWeight, prepareKto, refuseSingle } from './kto.ts';
import wgsl from './loss.wgsl';

/** Kahneman-Tversky Optimization, Ethayarajh et al. 2024. TRL: `KTOConfig(loss_type="kto")`. */
export const kto = defineUnpaired({
  id: 'kto',
  label: 'KTO',
  paper: { title: 'KTO: Model Alignment as Prospect Theoretic Optimization', arxiv: '2402.01306', year: 2024 },
  summary: 'Learns from answers that are each just good or bad, measured against how far the policy has moved overall.',
  problems: ['unpaired-data', 'noisy-labels'],
  formula:
    '\\mathcal{L} = \\begin{cases} \\lambda_D\\,\\sigma(-\\beta(h - z_0)) & \\text{wanted} \\\\ \\lambda_U\\,\\sigma(-\\beta(z_0 - h)) & \\text{unwanted} \\end{cases}',
  where: "z_0 = \\max\\big(0, \\overline{h(y')}\\big)",
  needsMismatched: true,
  hyperparameters: [
    beta(0.1),
    ktoWeight('desirable_weight', 'λ_D', 'lambda D', 1, 'Weight of the wanted answers.'),
    ktoWeight('undesirable_weight', 'λ_U', 'lambda U', 1, 'Weight of the unwanted answers.'),
  ],
  prepared: ['kl'],
  refuseBatch: refuseSingle,
  prepare: prepareKto,
  evaluate: evaluateKto,
  wgsl,
});
