import { defineUnpaired } from '../families/unpaired.ts';
import { beta } from '../knobs.ts';
import { evaluateKto, ktoWeight, prepareKto, refuseSingle } from '../kto/kto.ts';
import wgsl from './loss.wgsl';

/** KTO with the unwanted answers weighted up, as for data with more wanted ones. TRL: `undesirable_weight`. */
export const ktoWeighted = defineUnpaired({
  id: 'kto_weighted',
  label: 'KTO, weighted',
  paper: { title: 'KTO: Model Alignment as Prospect Theoretic Optimization', arxiv: '2402.01306', year: 2024 },
  summary: 'KTO for data with more good answers than bad ones: the rarer class weighs more.',
  problems: ['unpaired-data', 'class-imbalance'],
  formula:
    '\\mathcal{L} = \\begin{cases} \\lambda_D\\,\\sigma(-\\beta(h - z_0)) & \\text{wanted} \\\\ \\lambda_U\\,\\sigma(-\\beta(z_0 - h)) & \\text{unwanted} \\end{cases}',
  where: "z_0 = \\max\\big(0, \\overline{h(y')}\\big)",
  needsMismatched: true,
  hyperparameters: [
    beta(0.1),
    ktoWeight('desirable_weight', 'λ_D', 'lambda D', 1, 'Weight of the wanted answers.'),
    ktoWeight('undesirable_weight', 'λ_U', 'lambda U', 1.4, 'Weight of the unwanted answers.'),
  ],
  prepared: ['kl'],
  refuseBatch: refuseSingle,
  prepare: prepareKto,
  evaluate: evaluateKto,
  wgsl,
});
