import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** (alpha - 1) h, kept below 20: an answer the policy has all but lost must not overflow. */
const exponent = (logRatio: number, alpha: number): number => Math.min((alpha - 1) * logRatio, 20);

/** f-DPO with the α-divergence, Wang et al. 2023, in the form of current TRL: `f_divergence_type="alpha_divergence"`. */
export const fDpoAlpha = defineObjective({
  id: 'f_dpo_alpha',
  label: 'f-DPO, α-divergence',
  family: 'with a reference',
  paper: {
    title: 'Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse Divergence Constraints',
    arxiv: '2309.16240',
    year: 2023,
  },
  summary: 'DPO held by a divergence between forward KL (α = 0) and reverse KL (α = 1, which is DPO itself).',
  problems: ['divergence'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(\\varphi(h_w) - \\varphi(h_l))\\big)',
  where: '\\varphi(h) = \\frac{e^{(\\alpha - 1)h}}{\\alpha - 1}',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [
    beta(0.1),
    weight('alpha', 'α', 'alpha', 0.5, 'Which divergence: 0 is the forward KL, 1 is DPO.', { max: 1 }),
  ],
  evaluate(pair, { beta, alpha }) {
    const { chosenLogRatio, rejectedLogRatio } = pair;
    const [chosen, rejected] = [exponent(chosenLogRatio, alpha), exponent(rejectedLogRatio, alpha)];
    const difference =
      alpha === 1 ? chosenLogRatio - rejectedLogRatio : (Math.exp(chosen) - Math.exp(rejected)) / (alpha - 1);
    const z = beta * difference;
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), {
      chosen: slope * Math.exp(chosen),
      rejected: -slope * Math.exp(rejected),
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
