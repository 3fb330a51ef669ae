import { logRatioCurve } from '../curves.ts';
import { beta, sftWeight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** DPO plus the likelihood of the chosen answers: RPO (Liu et al. 2024) and IRPO (Pang et al. 2024). TRL: `loss_type=["sigmoid", "sft"]`. */
export const rpoDpoPlusSft = defineObjective({
  id: 'rpo_dpo_plus_sft',
  label: 'RPO (DPO + SFT)',
  family: 'mixed with SFT',
  paper: {
    title: 'Provably Mitigating Overoptimization in RLHF: Your SFT Loss is Implicitly an Adversarial Regularizer',
    arxiv: '2405.16436',
    year: 2024,
  },
  summary: 'DPO with the likelihood of the chosen answers added, so that they cannot become less likely.',
  problems: ['likelihood-displacement', 'over-optimisation'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(h_w - h_l)\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'chosenLength'],
  hyperparameters: [beta(0.1), sftWeight('rpo_alpha', 1)],
  evaluate(pair, { beta }) {
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  batchTerm: { formula: '\\alpha\\,\\mathrm{NLL}(y_w)', nllWeight: ({ rpo_alpha }) => rpo_alpha },
  curve: logRatioCurve(),
  wgsl,
});
