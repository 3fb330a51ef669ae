import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** f-DPO with the Jensen–Shannon divergence, Wang et al. 2023. TRL: `f_divergence_type="js_divergence"`. */
export const fDpoJs = defineObjective({
  id: 'f_dpo_js',
  label: 'f-DPO, Jensen–Shannon',
  family: 'with a reference',
  paper: {
    title: 'Beyond Reverse KL: Generalizing Direct Preference Optimization with Diverse Divergence Constraints',
    arxiv: '2309.16240',
    year: 2023,
  },
  summary: 'DPO held to the reference by the Jensen–Shannon divergence: a compromise of forward and reverse KL.',
  problems: ['divergence'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta\\,(\\log\\sigma(h_w) - \\log\\sigma(h_l))\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  hyperparameters: [beta(0.1)],
  evaluate(pair, { beta }) {
    const { chosenLogRatio, rejectedLogRatio } = pair;
    const z = beta * (softplus(-rejectedLogRatio) - softplus(-chosenLogRatio));
    const slope = -beta * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, beta), {
      chosen: slope * sigmoid(-chosenLogRatio),
      rejected: -slope * sigmoid(-rejectedLogRatio),
    });
  },
  curve: logRatioCurve(false),
  wgsl,
});
