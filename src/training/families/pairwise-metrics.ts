/** A micro-batch of pairs under TRL's names, from what its loss left on the GPU. */
import type { StepPair } from '../../engine/engine.ts';
import { batchMeans } from '../../kernels/preference-loss/evaluate.ts';
import { PAIR_FLOATS, RESULT_FLOATS } from '../../kernels/preference-loss/kernel.ts';
import { SUM_COLUMNS } from '../../kernels/sequence-reduce/kernel.ts';
import type { Part } from '../parts.ts';
import type { MicroBatchMetrics } from './family.ts';

/** Columns of a pair's result: loss, rewards of both, margin. */
const LOSS = 0;
const MARGIN = 3;
/** Extras of a pair's row: its last four columns. */
const FIRST_EXTRA = PAIR_FLOATS - 4;

/**
 * @param values partial means of the preference loss, sums per sequence (see `sequencesOf`), results and rows per pair.
 * @param batch pair numbers.
 * @param parts of the objective: what the rows have beside log-probabilities.
 */
export function pairwiseMetrics(
  [partials, sums, results, rows]: readonly Float32Array[],
  batch: readonly number[],
  withReference: boolean,
  parts: readonly Pick<Part, 'extra' | 'input'>[],
): MicroBatchMetrics {
  const at = (position: number, side: 0 | 1, column: (typeof SUM_COLUMNS)[number]) =>
    sums[(2 * position + side) * SUM_COLUMNS.length + SUM_COLUMNS.indexOf(column)];
  const pairs = batch.map((index, position): StepPair => {
    const inputs = parts.map(({ extra, input }) => [input, rows[position * PAIR_FLOATS + FIRST_EXTRA + extra]]);
    const pair = {
      index,
      loss: results[position * RESULT_FLOATS + LOSS],
      margin: results[position * RESULT_FLOATS + MARGIN],
      chosen: at(position, 0, 'policy'),
      rejected: at(position, 1, 'policy'),
      ...(parts.length > 0 && { inputs: Object.fromEntries(inputs) as Record<string, number> }),
    };
    if (!withReference) return pair;
    const logRatios = { chosenLogRatio: at(position, 0, 'logRatio'), rejectedLogRatio: at(position, 1, 'logRatio') };
    return { ...pair, ...logRatios };
  });
  const mean = (value: (pair: StepPair) => number) => pairs.reduce((sum, pair) => sum + value(pair), 0) / pairs.length;
  const means = batchMeans(partials);
  if (!withReference) return { means, pairs };
  return {
    means: {
      ...means,
      'log_ratios/chosen': mean((pair) => pair.chosenLogRatio!),
      'log_ratios/rejected': mean((pair) => pair.rejectedLogRatio!),
    },
    pairs,
  };
}
