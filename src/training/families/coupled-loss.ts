/** From the sums of a batch of pairs to a loss that couples them, and its gradient per answer, on the GPU. */

import { packCoupled } from '../../kernels/coupled-loss/evaluate.ts';
import {
  batchOrder,
  COUPLED_FLOATS,
  COUPLED_LOSS_FLOATS,
  COUPLED_PER_GROUP,
  coupledLoss,
} from '../../kernels/coupled-loss/kernel.ts';
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import type { CoupledObjective } from '../../kernels/losses/families/coupled.ts';
import { hyperparameterValues } from '../../kernels/losses/families/description.ts';
import { prepareCoupled } from '../../kernels/losses/families/evaluate-coupled.ts';
import { readFinite } from './not-finite.ts';
import { columnOf } from './token-runs.ts';

export interface CoupledBatch {
  readonly objective: CoupledObjective;
  readonly hyperparameters: Readonly<Record<string, number>>;
  /** Of chosen and rejected answers in turn, f32 [2 · pairs, SUM_COLUMNS]. */
  readonly sums: Tensor;
}

export interface RecordedCoupled {
  /** f32 [2 · pairs]: d(batch loss) / d(summed log-probability). */
  readonly dAnswers: Tensor;
  /** f32 [groups, 1]. */
  readonly partials: Tensor;
  /** f32 [pairs, COUPLED_LOSS_FLOATS]: the pair's share of the loss, gradients of the batch loss. */
  readonly results: Tensor;
}

export const coupledKernels = (objective: CoupledObjective): readonly KernelSpec[] => [
  batchOrder,
  coupledLoss(objective),
];

/** Records loss and gradient of a micro-batch. Waits for the sums: margins are differences of two of them, in float64. */
export async function recordCoupled(
  gpu: Gpu,
  scope: Scope,
  { objective, hyperparameters, sums }: CoupledBatch,
): Promise<RecordedCoupled> {
  const [read] = await readFinite(gpu, [sums]);
  const [policy, reference, logRatio] = (['policy', 'reference', 'logRatio'] as const).map((c) => columnOf(read, c));
  const rows = Array.from({ length: policy.length / 2 }, (_, p) => ({
    chosen: policy[2 * p],
    rejected: policy[2 * p + 1],
    refChosen: reference[2 * p],
    refRejected: reference[2 * p + 1],
    chosenLogRatio: logRatio[2 * p],
    rejectedLogRatio: logRatio[2 * p + 1],
  }));
  const { pairs, values } = prepareCoupled({ objective: objective.id, hyperparameters, rows });

  const count = pairs.length;
  const packed = scope.upload('f32', [count, COUPLED_FLOATS], packCoupled(pairs), 'pairs');
  const ranks = scope.tensor('u32', [count, COUPLED_FLOATS], 'ranks');
  const sorted = scope.tensor('f32', [count, COUPLED_FLOATS], 'sorted');
  gpu.run(batchOrder, { rows: packed, ranks, sorted });
  const results = scope.tensor('f32', [count, COUPLED_LOSS_FLOATS], 'pair losses');
  const partials = scope.tensor('f32', [Math.ceil(count / COUPLED_PER_GROUP), 1], 'partial means');
  const given = { count, reserved_0: 0, reserved_1: 0, ...hyperparameterValues(objective, values) };
  gpu.run(coupledLoss(objective), { rows: packed, ranks, sorted, results, partials }, given);

  const dAnswers = scope.tensor('f32', [2 * count], 'd answers');
  for (const p of pairs.keys()) {
    gpu.copy(results, dAnswers, { fromIndex: p * COUPLED_LOSS_FLOATS + 1, toIndex: 2 * p, count: 2 });
  }
  return { dAnswers, partials, results };
}
