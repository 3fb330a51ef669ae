/** Reward-model losses over a batch on the GPU: one dispatch, one read-back. */
import type { Gpu } from '../gpu/index.ts';
import { hyperparameterValues } from '../losses/families/description.ts';
import {
  prepareScores,
  type RewardModelEvaluation,
  type RewardModelRequest,
} from '../losses/families/evaluate-reward-model.ts';
import { rewardModelLoss, SCORE_FLOATS, SCORES_PER_GROUP } from './kernel.ts';

/** Evaluates every pair with the WGSL of the loss. @throws InputError for what cannot be used. */
export async function evaluateRewardModelOnGpu(gpu: Gpu, request: RewardModelRequest): Promise<RewardModelEvaluation> {
  const { objective, values, pairs } = prepareScores(request);
  const kernel = rewardModelLoss(objective);
  await gpu.prepare([kernel]);
  const scope = gpu.scope(kernel.name);
  try {
    const packed = Float32Array.from(pairs.flatMap((pair) => [pair.scoreChosen, pair.scoreRejected, pair.margin]));
    const groups = Math.ceil(pairs.length / SCORES_PER_GROUP);
    const rows = scope.upload('f32', [pairs.length, SCORE_FLOATS], packed, 'scores');
    const results = scope.tensor('f32', [pairs.length, SCORE_FLOATS], 'losses');
    const partials = scope.tensor('f32', [groups, SCORE_FLOATS], 'partial means');
    gpu.run(
      kernel,
      { rows, results, partials },
      { count: pairs.length, reserved_0: 0, reserved_1: 0, ...hyperparameterValues(objective, values) },
    );
    const [perPair, sums] = await gpu.readAll([results, partials]);
    const column = (first: number): number => {
      let sum = 0;
      for (let at = first; at < sums.length; at += SCORE_FLOATS) sum += sums[at];
      return sum;
    };
    return {
      pairs: pairs.map((_, index) => {
        const at = index * SCORE_FLOATS;
        return { loss: perPair[at], gradients: { chosen: perPair[at + 1], rejected: perPair[at + 2] } };
      }),
      batch: { loss: column(0), accuracy: column(1), margin: column(2) },
    };
  } finally {
    scope.dispose();
  }
}
