/** Unpaired losses over a batch on the GPU: one dispatch, one read-back. */
import type { Gpu } from '../gpu/index.ts';
import { hyperparameterValues } from '../losses/families/description.ts';
import {
  prepareExamples,
  type UnpairedEvaluation,
  type UnpairedRequest,
} from '../losses/families/evaluate-unpaired.ts';
import { EXAMPLE_FLOATS, EXAMPLE_LOSS_FLOATS, EXAMPLE_PARTIALS, EXAMPLES_PER_GROUP, unpairedLoss } from './kernel.ts';

/** Evaluates every example with the WGSL of the loss. @throws InputError for what cannot be used. */
export async function evaluateUnpairedOnGpu(gpu: Gpu, request: UnpairedRequest): Promise<UnpairedEvaluation> {
  const { objective, values, examples, counted, wanted, unwanted } = prepareExamples(request);
  const kernel = unpairedLoss(objective);
  await gpu.prepare([kernel]);
  const scope = gpu.scope(kernel.name);
  try {
    const packed = Float32Array.from(examples.flatMap(({ logRatio, label }) => [logRatio, label]));
    const groups = Math.ceil(examples.length / EXAMPLES_PER_GROUP);
    const rows = scope.upload('f32', [examples.length, EXAMPLE_FLOATS], packed, 'judged answers');
    const results = scope.tensor('f32', [examples.length, EXAMPLE_LOSS_FLOATS], 'losses');
    const partials = scope.tensor('f32', [groups, EXAMPLE_PARTIALS], 'partial means');
    const given = { counted, wanted, unwanted, ...hyperparameterValues(objective, values) };
    gpu.run(kernel, { rows, results, partials }, given);
    const [perExample, sums] = await gpu.readAll([results, partials]);
    const read = examples.map((_, index) => {
      const at = index * EXAMPLE_LOSS_FLOATS;
      return { loss: perExample[at], reward: perExample[at + 1], gradient: perExample[at + 2] };
    });
    const column = (first: number): number => {
      let sum = 0;
      for (let at = first; at < sums.length; at += EXAMPLE_PARTIALS) sum += sums[at];
      return sum;
    };
    const [loss, chosen, rejected] = [column(0), column(1), column(2)];
    return {
      examples: read,
      batchGradients: read.map(({ gradient }) => gradient / counted),
      batch: {
        loss,
        'rewards/chosen': chosen,
        'rewards/rejected': rejected,
        'rewards/margins': chosen - rejected,
      },
    };
  } finally {
    scope.dispose();
  }
}
