import { logRatioCurve } from '../curves.ts';
import { beta } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import wgsl from './loss.wgsl';

/** Weighted preference optimisation, Zhou et al. 2024, with the clamp of the official code. TRL: `use_weighting=True`. */
export const wpo = defineObjective({
  id: 'wpo',
  label: 'WPO',
  family: 'with scores',
  paper: { title: 'WPO: Enhancing RLHF with Weighted Preference Optimization', arxiv: '2406.11827', year: 2024 },
  summary: 'DPO that counts a pair the more, the more likely the current policy would have written it.',
  problems: ['off-policy-data'],
  formula: '\\mathcal{L} = -\\min(1,\\ \\omega_w\\,\\omega_l)\\,\\log\\sigma\\big(\\beta\\,(h_w - h_l)\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected', 'wpoWeightChosen', 'wpoWeightRejected'],
  extras: [{ input: 'wpoWeightChosen' }, { input: 'wpoWeightRejected' }],
  hyperparameters: [beta(0.1)],
  evaluate(pair, { beta }) {
    const onPolicy = Math.min(1, pair.wpoWeightChosen * pair.wpoWeightRejected);
    const z = beta * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const slope = -onPolicy * beta * sigmoid(-z);
    return pairValue(onPolicy * softplus(-z), implicitRewards(pair, beta), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(false),
  wgsl,
});
