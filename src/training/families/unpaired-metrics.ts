/** A micro-batch of judged answers under the names that TRL's KTOTrainer logs. */
import type { StepPair } from '../../engine/engine.ts';
import { EXAMPLE_LOSS_FLOATS, EXAMPLE_PARTIALS } from '../../kernels/unpaired-loss/kernel.ts';
import type { ExampleRun } from './examples.ts';
import type { MicroBatchMetrics } from './family.ts';
import { columnOf } from './token-runs.ts';

/**
 * @param values partial means of the loss; sums of chosen and rejected answers in turn; results per example.
 * @param batch pair numbers.
 * @param kl KTO's reference point.
 */
export function unpairedMetrics(
  [partials, sums, results]: readonly Float32Array[],
  batch: readonly number[],
  examples: readonly ExampleRun[],
  kl?: number,
): MicroBatchMetrics {
  const [logps, logRatios] = [columnOf(sums, 'policy'), columnOf(sums, 'logRatio')];
  const mean = (values: readonly number[]) =>
    values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
  const side = (values: Float32Array, rest: 0 | 1) => mean([...values].filter((_, s) => s % 2 === rest));
  const total = (column: number) =>
    partials.reduce((sum, value, at) => (at % EXAMPLE_PARTIALS === column ? sum + value : sum), 0);
  const pairs = batch.map((index, position): StepPair => {
    const own = (column: number, label?: 0 | 1) =>
      mean(
        examples.flatMap((example, e) =>
          example.pair === position && (label === undefined || example.label === label)
            ? [results[e * EXAMPLE_LOSS_FLOATS + column]]
            : [],
        ),
      );
    return {
      index,
      loss: own(0),
      margin: own(1, 1) - own(1, 0),
      chosen: logps[2 * position],
      rejected: logps[2 * position + 1],
      chosenLogRatio: logRatios[2 * position],
      rejectedLogRatio: logRatios[2 * position + 1],
    };
  });
  const [loss, chosen, rejected] = [total(0), total(1), total(2)];
  return {
    means: {
      loss,
      'rewards/chosen': chosen,
      'rewards/rejected': rejected,
      'rewards/margins': chosen - rejected,
      'logps/chosen': side(logps, 0),
      'logps/rejected': side(logps, 1),
      'log_ratios/chosen': side(logRatios, 0),
      'log_ratios/rejected': side(logRatios, 1),
      ...(kl !== undefined && { kl }),
    },
    pairs,
  };
}
