import { logRatioCurve } from '../curves.ts';
import { beta, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, type HyperparameterValues, pairValue } from '../objective.ts';
import wgsl from './loss.wgsl';

const refuseWeights = (value: number, { w1, w2 }: HyperparameterValues): string | undefined =>
  value >= 0 && w1 + w2 < 0.99 ? undefined : 'weights must not be negative, and w₁ + w₂ must stay below 0.99.';

/** Multi-objective DPO, Zhou et al. 2023, for three objectives. */
export const modpo = defineObjective({
  id: 'modpo',
  label: 'MODPO',
  family: 'with scores',
  paper: {
    title: 'Beyond One-Preference-Fits-All Alignment: Multi-Objective Direct Preference Optimization',
    arxiv: '2310.03708',
    year: 2023,
  },
  summary: 'DPO on one preference while further rewards, already known, count with their weights.',
  problems: ['several-objectives'],
  formula:
    '\\mathcal{L} = -\\log\\sigma\\Big(\\frac{1}{w_0}\\big(\\beta\\,(h_w - h_l) - w_1\\,\\Delta R_1 - w_2\\,\\Delta R_2\\big)\\Big)',
  where: 'w_0 = 1 - w_1 - w_2',
  needs: [
    'chosen',
    'rejected',
    'refChosen',
    'refRejected',
    'extraRewardChosen1',
    'extraRewardChosen2',
    'extraRewardRejected1',
    'extraRewardRejected2',
  ],
  extras: [
    { input: 'extraRewardChosen1' },
    { input: 'extraRewardChosen2' },
    { input: 'extraRewardRejected1' },
    { input: 'extraRewardRejected2' },
  ],
  hyperparameters: [
    beta(0.1),
    weight('w1', 'w₁', 'weight one', 0.3, 'Weight of the first further reward.', { max: 0.9, refuse: refuseWeights }),
    weight('w2', 'w₂', 'weight two', 0.2, 'Weight of the second further reward.', { max: 0.9, refuse: refuseWeights }),
  ],
  evaluate(pair, { beta, w1, w2 }) {
    const w0 = 1 - w1 - w2;
    const rewards = {
      chosen: (beta * pair.chosenLogRatio - w1 * pair.extraRewardChosen1 - w2 * pair.extraRewardChosen2) / w0,
      rejected: (beta * pair.rejectedLogRatio - w1 * pair.extraRewardRejected1 - w2 * pair.extraRewardRejected2) / w0,
    };
    const z = rewards.chosen - rewards.rejected;
    const slope = (-beta / w0) * sigmoid(-z);
    return pairValue(softplus(-z), rewards, { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(false),
  wgsl,
});
