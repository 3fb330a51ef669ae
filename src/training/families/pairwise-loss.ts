/**
 * From token log-probabilities to the loss and back to a gradient per token, all on the GPU: sums and log-ratios per
 * sequence, one row per pair, the objective, and its gradient handed to every token.
 */
import type { PairRow } from '../../engine/engine.ts';
import type { Gpu, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { prepareBatch } from '../../kernels/losses/evaluate.ts';
import type { Objective } from '../../kernels/losses/objective.ts';
import { pairRows } from '../../kernels/pair-rows/kernel.ts';
import { packPairs } from '../../kernels/preference-loss/evaluate.ts';
import {
  PAIR_FLOATS,
  PAIRS_PER_GROUP,
  PARTIAL_COLUMNS,
  preferenceLoss,
  RESULT_FLOATS,
} from '../../kernels/preference-loss/kernel.ts';
import { SUM_COLUMNS, sequenceReduce, sequenceReduceBackward } from '../../kernels/sequence-reduce/kernel.ts';
import { fixedRow, type ReferenceLogps, type TokenizedPair } from '../data.ts';
import { partsOf, type Third, thirdOf } from '../parts.ts';
import { readFinite } from './not-finite.ts';
import { backwardParts, partKernels, recordParts } from './pairwise-parts.ts';

/** Extras of `struct Pair`: its last four floats. */
const FIRST_EXTRA = PAIR_FLOATS - 4;

export interface LossBatch {
  readonly objective: Objective;
  readonly hyperparameters: Readonly<Record<string, number>>;
  readonly pairs: readonly TokenizedPair[];
  /** Per pair; absent where the objective has no reference. */
  readonly references?: readonly ReferenceLogps[];
  /** The policy's, f32 [tokens]: chosen and rejected of each pair in turn, then the third ones (see `sequencesOf`). */
  readonly logps: Tensor;
  /** Where the objective asks for it, f32 [tokens]: KL(reference ‖ policy), or log Σ p² of the policy. */
  readonly klFromReference?: Tensor;
  readonly logCollision?: Tensor;
  /** Sequence s has tokens starts[s] .. starts[s + 1] - 1. */
  readonly starts: readonly number[];
}

export interface RecordedLoss {
  /** f32 [tokens]: d(batch loss) / d(logps). */
  readonly dLogps: Tensor;
  /** f32 [tokens]: d(batch loss) / d(klFromReference), where that was given. */
  readonly dKlFromReference?: Tensor;
  /** f32 [groups, PARTIAL_COLUMNS]: their sums are the batch means. */
  readonly partials: Tensor;
  /** f32 [sequences, SUM_COLUMNS]. */
  readonly sums: Tensor;
  /** f32 [pairs, RESULT_FLOATS]. */
  readonly results: Tensor;
  /** What the objective read of each pair, f32 [pairs, PAIR_FLOATS]. */
  readonly rows: Tensor;
}

/** Kernels of an objective's training step, to compile ahead. */
export const lossKernels = (objective: Objective) => [...partKernels, pairRows, preferenceLoss(objective)] as const;

/** Whether the objective compares with the frozen reference. */
export const needsReference = (objective: Objective): boolean =>
  objective.needs.some((name) => name === 'refChosen' || name === 'refRejected');

/**
 * Records the loss of one micro-batch, a mean over its pairs (its NLL term, where it has one, a mean over its tokens).
 * Waits for the GPU only where the objective has a statistic of the batch.
 * @throws InputError as `prepareBatch`.
 */
export async function recordLoss(gpu: Gpu, scope: Scope, batch: LossBatch): Promise<RecordedLoss> {
  const { objective, hyperparameters, pairs, references, starts } = batch;
  const sequences = starts.length - 1;
  const tokens = Math.max(...starts.slice(1).map((end, s) => end - starts[s]));
  const shape = [sequences, tokens];

  const mask = new Uint32Array(sequences * tokens);
  const referenceLogps = new Float32Array(sequences * tokens);
  const third = thirdOf(objective);
  for (let s = 0; s < sequences; s++) {
    mask.fill(1, s * tokens, s * tokens + starts[s + 1] - starts[s]);
    const logpsOf = references && referenceOf(references, s, third);
    if (logpsOf) referenceLogps.set(logpsOf, s * tokens);
  }
  const padded = (flat: Tensor, label: string): Tensor => {
    const rows = scope.tensor('f32', shape, label);
    for (let s = 0; s < sequences; s++) {
      gpu.copy(flat, rows, { fromIndex: starts[s], toIndex: s * tokens, count: starts[s + 1] - starts[s] });
    }
    return rows;
  };
  const policy = padded(batch.logps, 'policy logps');
  const masks = scope.upload('u32', shape, mask, 'response mask');
  // Without a reference every log-ratio is exactly 0.
  const reference = references ? scope.upload('f32', shape, referenceLogps, 'reference logps') : policy;
  const sums = scope.tensor('f32', [sequences, SUM_COLUMNS.length], 'sequence sums');
  gpu.run(sequenceReduce, { policy, reference, mask: masks, sums });

  const fixed = pairs.map((pair, p) => fixedRow(pair, references?.[p]));
  const rows = objective.prepare ? movingRows(fixed, (await readFinite(gpu, [sums]))[0]) : fixed;
  const prepared = prepareBatch({ objective: objective.id, hyperparameters, rows });
  const packed = packPairs(objective, prepared.pairs);
  const extras = Float32Array.from({ length: pairs.length * 4 }, (_, i) => {
    return packed[(i >> 2) * PAIR_FLOATS + FIRST_EXTRA + (i & 3)];
  });
  const extraTensor = scope.upload('f32', [pairs.length, 4], extras, 'extras');
  const klFromReference = batch.klFromReference && padded(batch.klFromReference, 'KL from the reference');
  const logCollision = batch.logCollision && padded(batch.logCollision, 'log collision');
  const perToken = { policy, reference, klFromReference, logCollision };
  const parts = recordParts(gpu, scope, partsOf(objective), pairs, perToken, extraTensor);
  const pairTensor = scope.tensor('f32', [pairs.length, PAIR_FLOATS], 'pairs');
  gpu.run(pairRows, { sums, extras: extraTensor, rows: pairTensor });

  const groups = Math.ceil(pairs.length / PAIRS_PER_GROUP);
  const results = scope.tensor('f32', [pairs.length, RESULT_FLOATS], 'pair losses');
  const gradients = scope.tensor('f32', [pairs.length, 2], 'batch gradients');
  const partials = scope.tensor('f32', [groups, PARTIAL_COLUMNS.length], 'partial means');
  gpu.run(
    preferenceLoss(objective),
    { rows: pairTensor, results, batch_gradients: gradients, partials },
    {
      ...prepared.values,
      nll_weight: prepared.nllWeight,
      chosen_tokens: prepared.chosenTokens,
      constant: prepared.constant,
    },
  );

  const dPolicy = scope.tensor('f32', shape, 'd policy logps');
  const dSequences = scope.zeros('f32', [sequences], 'd sequences');
  gpu.copy(gradients, dSequences);
  gpu.run(sequenceReduceBackward, { d_log_ratio: dSequences, mask: masks, d_policy: dPolicy });
  const dKl = klFromReference && scope.zeros('f32', shape, 'd KL from the reference');
  backwardParts(gpu, scope, parts, results, { logRatio: dPolicy, klFromReference: dKl });
  const flat = (rows: Tensor, label: string): Tensor => {
    const values = scope.tensor('f32', [starts[sequences]], label);
    for (let s = 0; s < sequences; s++) {
      gpu.copy(rows, values, { fromIndex: s * tokens, toIndex: starts[s], count: starts[s + 1] - starts[s] });
    }
    return values;
  };
  const dLogps = flat(dPolicy, 'd logps');
  return { dLogps, dKlFromReference: dKl && flat(dKl, 'd KL'), partials, sums, results, rows: pairTensor };
}

/** Reference log-probabilities of a sequence, in the order of `sequencesOf`. */
function referenceOf(
  references: readonly ReferenceLogps[],
  sequence: number,
  third: Third | undefined,
): Float32Array | undefined {
  if (sequence >= 2 * references.length) return third && references[sequence - 2 * references.length][third];
  const { chosen, rejected } = references[sequence >> 1];
  return sequence % 2 === 0 ? chosen : rejected;
}

/** Rows with the policy's present numbers, for statistics of the batch. */
function movingRows(fixed: readonly PairRow[], sums: Float32Array): PairRow[] {
  const at = (pair: number, side: 0 | 1, column: (typeof SUM_COLUMNS)[number]) =>
    sums[(2 * pair + side) * SUM_COLUMNS.length + SUM_COLUMNS.indexOf(column)];
  return fixed.map((row, pair) => ({
    ...row,
    chosen: at(pair, 0, 'policy'),
    rejected: at(pair, 1, 'policy'),
    chosenLogRatio: at(pair, 0, 'logRatio'),
    rejectedLogRatio: at(pair, 1, 'logRatio'),
  }));
}
