/** From the scores of chosen and rejected answers to a reward-model loss and its gradient per score, on the GPU. */
import { addScaled } from '../../kernels/add-scaled/kernel.ts';
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { hyperparameterValues } from '../../kernels/losses/families/description.ts';
import { prepareScores } from '../../kernels/losses/families/evaluate-reward-model.ts';
import type { RewardModelObjective } from '../../kernels/losses/families/reward-model.ts';
import { rewardModelLoss, SCORE_FLOATS, SCORES_PER_GROUP } from '../../kernels/reward-model-loss/kernel.ts';
import { readFinite } from './not-finite.ts';

export interface ScoreBatch {
  readonly objective: RewardModelObjective;
  readonly hyperparameters: Readonly<Record<string, number>>;
  /** Of chosen and rejected answers in turn, f32 [2 · pairs]. */
  readonly scores: Tensor;
  /** Per pair: by how much the chosen answer was called better, where that is known. */
  readonly margins: readonly (number | undefined)[];
}

export interface RecordedScores {
  /** f32 [2 · pairs]: d(batch loss) / d(scores). */
  readonly dScores: Tensor;
  /** f32 [groups, 3]: their sums are mean loss, accuracy and margin. */
  readonly partials: Tensor;
}

export const rewardModelKernels = (objective: RewardModelObjective): readonly KernelSpec[] => [
  rewardModelLoss(objective),
  addScaled,
];

/**
 * Records loss and gradient of a micro-batch, a mean over its pairs. Waits for the GPU only where the loss has a
 * statistic of the batch.
 * @throws InputError as `prepareScores`.
 */
export async function recordScores(gpu: Gpu, scope: Scope, batch: ScoreBatch): Promise<RecordedScores> {
  const { objective, hyperparameters, scores, margins } = batch;
  const [read] = objective.prepare ? await readFinite(gpu, [scores]) : [];
  const rows = margins.map((margin, p) => ({
    scoreChosen: read?.[2 * p] ?? 0,
    scoreRejected: read?.[2 * p + 1] ?? 0,
    margin,
  }));
  const { pairs, values } = prepareScores({ objective: objective.id, hyperparameters, rows });

  const count = pairs.length;
  const packed = Float32Array.from(pairs.flatMap(({ margin }) => [0, 0, margin]));
  const rowTensor = scope.upload('f32', [count, SCORE_FLOATS], packed, 'scores of pairs');
  for (const p of pairs.keys()) gpu.copy(scores, rowTensor, { fromIndex: 2 * p, toIndex: p * SCORE_FLOATS, count: 2 });
  const results = scope.tensor('f32', [count, SCORE_FLOATS], 'pair losses');
  const partials = scope.tensor('f32', [Math.ceil(count / SCORES_PER_GROUP), SCORE_FLOATS], 'partial means');
  const given = { count, reserved_0: 0, reserved_1: 0, ...hyperparameterValues(objective, values) };
  gpu.run(rewardModelLoss(objective), { rows: rowTensor, results, partials }, given);

  const perScore = scope.tensor('f32', [2 * count], 'd score of a pair');
  for (const p of pairs.keys())
    gpu.copy(results, perScore, { fromIndex: p * SCORE_FLOATS + 1, toIndex: 2 * p, count: 2 });
  const dScores = scope.zeros('f32', [2 * count], 'd scores');
  gpu.run(addScaled, { x: perScore, y: dScores }, { scale: 1 / count });
  return { dScores, partials };
}
