import { logpCurve } from '../curves.ts';
import { beta, sftWeight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { logpRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Contrastive preference optimisation, Xu et al. 2024. TRL: `CPOConfig(loss_type="sigmoid")`. */
export const cpo = defineObjective({
  id: 'cpo',
  label: 'CPO',
  family: 'mixed with SFT',
  paper: {
    title: 'Contrastive Preference Optimization: Pushing the Boundaries of LLM Performance in Machine Translation',
    arxiv: '2401.08417',
    year: 2024,
  },
  summary: 'DPO with a uniform reference, plus the likelihood of the chosen answers to keep the policy fluent.',
  problems: ['no-reference-memory', 'likelihood-displacement'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(\\log\\pi_\\theta(y_w) - \\log\\pi_\\theta(y_l))\\big)',
  needs: ['chosen', 'rejected', 'chosenLength'],
  hyperparameters: [
    beta(0.1, { doc: 'Scales the difference of the two log-probabilities.' }),
    sftWeight('cpo_alpha', 1),
  ],
  evaluate(pair, { beta }) {
    const z = beta * (pair.chosen - pair.rejected);
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), logpRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  batchTerm: { formula: '\\alpha\\,\\mathrm{NLL}(y_w)', nllWeight: ({ cpo_alpha }) => cpo_alpha },
  curve: logpCurve(),
  wgsl,
});
