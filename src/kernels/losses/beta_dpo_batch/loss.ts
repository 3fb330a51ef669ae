import { logRatioCurve } from '../curves.ts';
import type { PairInputs } from '../inputs.ts';
import { beta, refuseNegative, weight } from '../knobs.ts';
import { sigmoid, softplus } from '../math.ts';
import { defineObjective, pairValue } from '../objective.ts';
import { implicitRewards } from '../rewards.ts';
import { drawKept } from './kept.ts';
import wgsl from './loss.wgsl';

/** A batch whose kept pairs lie far below the mean would turn the scale negative. */
const SMALLEST_BETA = 1e-3;

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Beta-DPO with a batch-level beta, Wu et al. 2024, with the statistics of the current batch. */
export const betaDpoBatch = defineObjective({
  id: 'beta_dpo_batch',
  label: 'β-DPO (batch)',
  family: 'with a reference',
  paper: { title: 'β-DPO: Direct Preference Optimization with Dynamic β', arxiv: '2407.08639', year: 2024 },
  summary: 'DPO whose β follows the batch: lower where outliers pull the margins up, higher where they pull them down.',
  problems: ['noisy-labels', 'preference-strength'],
  formula: '\\mathcal{L} = -\\log\\sigma\\big(\\beta_b\\,(h_w - h_l)\\big)',
  where: '\\beta_b = \\beta\\,\\big(1 + w\\,(\\bar{D}_{\\mathrm{kept}} - \\bar{D})\\big)',
  needs: ['chosen', 'rejected', 'refChosen', 'refRejected'],
  optional: ['kept'],
  hyperparameters: [
    beta(0.1),
    weight('w', 'w', 'weight', 0.1, 'How strongly β follows the batch; 0 is DPO.', { max: 1, step: 0.01 }),
    weight('seed', 'seed', 'seed', 0, 'Which pairs are drawn into the statistic.', {
      max: 100,
      step: 1,
      refuse: refuseNegative,
    }),
  ],
  prepared: ['batch_beta'],
  prepare(pairs, values) {
    const margins = pairs.map((pair) => pair.chosenLogRatio - pair.rejectedLogRatio);
    const given = pairs.every((pair: PairInputs) => Number.isFinite(pair.kept));
    const kept = given ? pairs.map((pair) => pair.kept > 0) : drawKept(margins, values.seed);
    const inside = margins.filter((_, i) => kept[i]);
    const shift = inside.length > 0 ? mean(inside) - mean(margins) : 0;
    return { ...values, batch_beta: Math.max(values.beta * (1 + values.w * shift), SMALLEST_BETA) };
  },
  evaluate(pair, values) {
    // Without a batch, as in a curve through no pair, there is nothing to follow.
    const { batch_beta: scaled = values.beta } = values as Readonly<Record<string, number>>;
    const z = scaled * (pair.chosenLogRatio - pair.rejectedLogRatio);
    const slope = -scaled * sigmoid(-z);
    return pairValue(softplus(-z), implicitRewards(pair, values.beta), { chosen: slope, rejected: -slope });
  },
  curve: logRatioCurve(),
  wgsl,
});
