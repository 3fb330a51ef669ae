/** From the sums of judged answers to an unpaired loss and its gradient per example, on the GPU. */
import { addScaled } from '../../kernels/add-scaled/kernel.ts';
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { hyperparameterValues } from '../../kernels/losses/families/description.ts';
import { type PreparedExamples, prepareExamples } from '../../kernels/losses/families/evaluate-unpaired.ts';
import type { UnpairedObjective } from '../../kernels/losses/families/unpaired.ts';
import { SUM_COLUMNS } from '../../kernels/sequence-reduce/kernel.ts';
import {
  EXAMPLE_FLOATS,
  EXAMPLE_LOSS_FLOATS,
  EXAMPLE_PARTIALS,
  EXAMPLES_PER_GROUP,
  unpairedLoss,
} from '../../kernels/unpaired-loss/kernel.ts';
import { readFinite } from './not-finite.ts';
import { columnOf } from './token-runs.ts';

/** Columns of an example's result. */
const GRADIENT = 2;
const LOG_RATIO = SUM_COLUMNS.indexOf('logRatio');

export interface UnpairedBatch {
  readonly objective: UnpairedObjective;
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly labels: readonly (0 | 1)[];
  /** Of each example, f32 [examples, SUM_COLUMNS]. */
  readonly sums: Tensor;
  /** Of mismatched answers, for losses that need them. */
  readonly mismatchedSums?: Tensor;
}

export interface RecordedUnpaired {
  /** f32 [examples]: d(batch loss) / d(summed log-probability). */
  readonly dExamples: Tensor;
  /** f32 [groups, EXAMPLE_PARTIALS]. */
  readonly partials: Tensor;
  /** f32 [examples, EXAMPLE_LOSS_FLOATS]: loss, reward, gradient. */
  readonly results: Tensor;
  readonly prepared: PreparedExamples;
}

export const unpairedKernels = (objective: UnpairedObjective): readonly KernelSpec[] => [
  unpairedLoss(objective),
  addScaled,
];

/**
 * Records loss and gradient of a micro-batch, a mean over the examples that count. Waits for the GPU only where the
 * loss has a statistic of the batch.
 * @throws InputError as `prepareExamples`.
 */
export async function recordUnpaired(gpu: Gpu, scope: Scope, batch: UnpairedBatch): Promise<RecordedUnpaired> {
  const { objective, hyperparameters, labels, sums, mismatchedSums } = batch;
  const count = labels.length;
  const logRatios = objective.prepare ? await readLogRatios(gpu, sums, mismatchedSums) : undefined;
  const examples = labels.map((label, e) => ({
    label,
    logRatio: logRatios?.own[e] ?? 0,
    mismatchedLogRatio: logRatios?.mismatched?.[e],
  }));
  const prepared = prepareExamples({ objective: objective.id, hyperparameters, rows: examples });
  const { values, counted, wanted, unwanted } = prepared;

  const rows = scope.upload(
    'f32',
    [count, EXAMPLE_FLOATS],
    Float32Array.from(labels.flatMap((l) => [0, l])),
    'examples',
  );
  for (const e of labels.keys()) {
    gpu.copy(sums, rows, { fromIndex: e * SUM_COLUMNS.length + LOG_RATIO, toIndex: e * EXAMPLE_FLOATS, count: 1 });
  }
  const results = scope.tensor('f32', [count, EXAMPLE_LOSS_FLOATS], 'example losses');
  const partials = scope.tensor('f32', [Math.ceil(count / EXAMPLES_PER_GROUP), EXAMPLE_PARTIALS], 'partial means');
  const given = { counted, wanted, unwanted, ...hyperparameterValues(objective, values) };
  gpu.run(unpairedLoss(objective), { rows, results, partials }, given);

  const perExample = scope.tensor('f32', [count], 'd example');
  for (const e of labels.keys()) {
    gpu.copy(results, perExample, { fromIndex: e * EXAMPLE_LOSS_FLOATS + GRADIENT, toIndex: e, count: 1 });
  }
  const dExamples = scope.zeros('f32', [count], 'd examples');
  gpu.run(addScaled, { x: perExample, y: dExamples }, { scale: 1 / counted });
  return { dExamples, partials, results, prepared };
}

async function readLogRatios(gpu: Gpu, sums: Tensor, mismatchedSums: Tensor | undefined) {
  const [own, mismatched] = await readFinite(gpu, mismatchedSums ? [sums, mismatchedSums] : [sums]);
  return { own: columnOf(own, 'logRatio'), mismatched: mismatched && columnOf(mismatched, 'logRatio') };
}
