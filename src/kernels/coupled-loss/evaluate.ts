/** Batch-coupled losses on the GPU: two dispatches, one read-back. */
import type { EvaluateRequest } from '../../engine/engine.ts';
import type { Gpu } from '../gpu/index.ts';
import type { CoupledPair } from '../losses/families/coupled.ts';
import { hyperparameterValues } from '../losses/families/description.ts';
import { type CoupledEvaluation, prepareCoupled } from '../losses/families/evaluate-coupled.ts';
import { batchOrder, COUPLED_FLOATS, COUPLED_LOSS_FLOATS, COUPLED_PER_GROUP, coupledLoss } from './kernel.ts';

/** Rows of the kernel. */
export const packCoupled = (pairs: readonly CoupledPair[]): Float32Array =>
  Float32Array.from(
    pairs.flatMap((pair) => [pair.policyMargin, pair.referenceMargin, pair.chosenLogRatio, pair.rejectedLogRatio]),
  );

/** Evaluates the batch with the WGSL of the loss. @throws InputError for what cannot be used. */
export async function evaluateCoupledOnGpu(gpu: Gpu, request: EvaluateRequest): Promise<CoupledEvaluation> {
  const { objective, values, pairs } = prepareCoupled(request);
  const kernel = coupledLoss(objective);
  await gpu.prepare([batchOrder, kernel]);
  const scope = gpu.scope(kernel.name);
  try {
    const groups = Math.ceil(pairs.length / COUPLED_PER_GROUP);
    const rows = scope.upload('f32', [pairs.length, COUPLED_FLOATS], packCoupled(pairs), 'pairs');
    const ranks = scope.tensor('u32', [pairs.length, COUPLED_FLOATS], 'ranks');
    const sorted = scope.tensor('f32', [pairs.length, COUPLED_FLOATS], 'sorted');
    const results = scope.tensor('f32', [pairs.length, COUPLED_LOSS_FLOATS], 'losses');
    const partials = scope.tensor('f32', [groups, 1], 'partial means');
    gpu.run(batchOrder, { rows, ranks, sorted });
    gpu.run(
      kernel,
      { rows, ranks, sorted, results, partials },
      { count: pairs.length, reserved_0: 0, reserved_1: 0, ...hyperparameterValues(objective, values) },
    );
    const [perPair, sums] = await gpu.readAll([results, partials]);
    return {
      pairs: pairs.map((_, index) => {
        const at = index * COUPLED_LOSS_FLOATS;
        return { loss: perPair[at], gradients: { chosen: perPair[at + 1], rejected: perPair[at + 2] } };
      }),
      loss: Array.from(sums).reduce((total, part) => total + part, 0),
    };
  } finally {
    scope.dispose();
  }
}
