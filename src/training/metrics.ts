/** A step's numbers under TRL's names, from what the micro-batches left on the GPU. */
import type { StepMetrics } from '../engine/engine.ts';
import { batchMeans } from '../kernels/preference-loss/evaluate.ts';
import { SUM_COLUMNS } from '../kernels/sequence-reduce/kernel.ts';

export type StepMeans = Omit<
  StepMetrics,
  'step' | 'epoch' | 'learning_rate' | 'grad_norm' | 'num_tokens' | 'tokens_per_second' | 'seconds' | 'pairs'
>;

const LOG_RATIO = SUM_COLUMNS.indexOf('logRatio');

/**
 * Means over the micro-batches, each with the same weight, as TRL logs them.
 * @param values of each micro-batch in turn: partial means of the preference loss, sums per sequence.
 * @param pairs of each micro-batch.
 */
export function stepMeans(
  values: readonly Float32Array[],
  pairs: readonly number[],
  withReference: boolean,
): StepMeans {
  const batches: StepMeans[] = [];
  for (let at = 0; at < values.length; at += 2) {
    const means = batchMeans(values[at]);
    const [chosen, rejected] = [0, 1].map((side) => meanLogRatio(values[at + 1], side, pairs[at / 2]));
    batches.push(withReference ? { ...means, 'log_ratios/chosen': chosen, 'log_ratios/rejected': rejected } : means);
  }
  const names = Object.keys(batches[0]) as (keyof StepMeans)[];
  const mean = (name: keyof StepMeans) => batches.reduce((sum, one) => sum + one[name]!, 0) / batches.length;
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as unknown as StepMeans;
}

/** Mean log-ratio of the chosen (side 0) or rejected (side 1) sequences. */
function meanLogRatio(sums: Float32Array, side: number, pairs: number): number {
  let total = 0;
  for (let pair = 0; pair < pairs; pair++) total += sums[(2 * pair + side) * SUM_COLUMNS.length + LOG_RATIO];
  return total / pairs;
}
