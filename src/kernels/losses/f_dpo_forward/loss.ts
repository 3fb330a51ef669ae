import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** -h, kept below 20: an answer the policy has all but lost must not overflow. */
const exponent = (logRatio: number): number => Math.min(-logRatio, 20);

/** f-DPO with the forward KL, Wang et al. 2023. TRL: `f_divergence_type="forward_kl"`. */
export const fDpoForward = defineObjective({
  id: 'f_dpo_forward',
  label: 'f-DPO, forward KL',
  family: 'with a reference',
  paper: {
    title: 'Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse Divergence Constraints',
    arxiv: '2309.16240',
    year: 2023,
  },
  summary: 'DPO held to the reference by the forward KL, which forbids losing anything the reference could say.',
  problems: ['divergence'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(e^{-h_l} - e^{-h_w})\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [beta(0.1)],
  evaluate(pair, { beta }) {
    const [chosen, rejected] = [exponent(pair.chosenLogRatio), exponent(pair.rejectedLogRatio)];
    const z = beta * (Math.exp(rejected) - Math.exp(chosen));
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), {
      chosen: slope * Math.exp(chosen),
      rejected: -slope * Math.exp(rejected),
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
