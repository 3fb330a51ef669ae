/** Evaluating an objective over rows on the GPU: one dispatch, one read-back. */
import type { BatchMetrics, EvaluateRequest, Evaluation, PairEvaluation } from '../../engine/engine.ts';
import type { Gpu } from '../gpu/index.ts';
import { prepareBatch } from '../losses/evaluate.ts';
import type { InputName, PairInputs } from '../losses/inputs.ts';
import type { Objective } from '../losses/objective.ts';
import { PAIR_FLOATS, PAIRS_PER_GROUP, PARTIAL_COLUMNS, preferenceLoss, RESULT_FLOATS } from './kernel.ts';

/** What a dispatch leaves behind: the evaluation, and the gradients that training multiplies into the tokens. */
export interface GpuEvaluation extends Evaluation {
  /** d(batch loss) / d(summed log-probability) per pair: the mean over pairs and the NLL are inside. */
  readonly batchGradients: readonly { readonly chosen: number; readonly rejected: number }[];
}

/**
 * Evaluates every pair and the batch means with the WGSL of the objective. Log-ratios are taken as given or subtracted
 * in float64 before they are rounded to f32.
 * @throws InputError for a row or a hyperparameter that cannot be used.
 */
export async function evaluateOnGpu(gpu: Gpu, request: EvaluateRequest): Promise<GpuEvaluation> {
  const { objective, values, pairs, nllWeight, chosenTokens, constant } = prepareBatch(request);
  const kernel = preferenceLoss(objective);
  await gpu.prepare([kernel]);
  const scope = gpu.scope(kernel.name);
  try {
    const groups = Math.ceil(pairs.length / PAIRS_PER_GROUP);
    const rows = scope.upload('f32', [pairs.length, PAIR_FLOATS], packPairs(objective, pairs), 'pairs');
    const results = scope.tensor('f32', [pairs.length, RESULT_FLOATS], 'pair losses');
    const gradients = scope.tensor('f32', [pairs.length, 2], 'batch gradients');
    const partials = scope.tensor('f32', [groups, PARTIAL_COLUMNS.length], 'partial means');
    gpu.run(
      kernel,
      { rows, results, batch_gradients: gradients, partials },
      { ...values, nll_weight: nllWeight, chosen_tokens: chosenTokens, constant },
    );
    const [perPair, perBatch, sums] = await gpu.readAll([results, gradients, partials]);
    return {
      pairs: pairs.map((_, index) => unpackResult(objective, perPair, index)),
      batch: batchMeans(sums),
      batchGradients: pairs.map((_, i) => ({ chosen: perBatch[2 * i], rejected: perBatch[2 * i + 1] })),
      backend: 'wgsl',
    };
  } finally {
    scope.dispose();
  }
}

/** Rows of `struct Pair`. Lengths an objective does not read are 1: a shader must never divide by what is absent. */
export function packPairs(objective: Objective, pairs: readonly PairInputs[]): Float32Array {
  const packed = new Float32Array(pairs.length * PAIR_FLOATS);
  const extras = objective.extras ?? [];
  pairs.forEach((pair, index) => {
    const row = [
      pair.chosen,
      pair.rejected,
      orZero(pair.chosenLogRatio),
      orZero(pair.rejectedLogRatio),
      orOne(pair.chosenLength),
      orOne(pair.rejectedLength),
      ...extras.map(({ input }) => pair[input]),
    ];
    packed.set(row, index * PAIR_FLOATS);
  });
  return packed;
}

const orZero = (value: number): number => (Number.isNaN(value) ? 0 : value);
const orOne = (value: number): number => (Number.isNaN(value) ? 1 : value);

function unpackResult(objective: Objective, results: ArrayLike<number>, index: number): PairEvaluation {
  const at = index * RESULT_FLOATS;
  const gradients: { chosen: number; rejected: number } & { [extra in InputName]?: number } = {
    chosen: results[at + 4],
    rejected: results[at + 5],
  };
  objective.extras?.forEach(({ gradient }, i) => {
    if (gradient !== undefined) gradients[gradient] = results[at + 6 + i];
  });
  return {
    loss: results[at],
    rewards: { chosen: results[at + 1], rejected: results[at + 2] },
    margin: results[at + 3],
    gradients,
  };
}

/** Batch means under TRL's names from the partial sums of all workgroups. */
export function batchMeans(partials: ArrayLike<number>): BatchMetrics {
  const columns = PARTIAL_COLUMNS.length;
  const means = PARTIAL_COLUMNS.map((_, column) => {
    let sum = 0;
    for (let at = column; at < partials.length; at += columns) sum += partials[at];
    return sum;
  });
  return Object.fromEntries(PARTIAL_COLUMNS.map((name, column) => [name, means[column]])) as unknown as BatchMetrics;
}
