/** Extra inputs that follow the policy (`parts.ts`): from numbers per token to the pairs' rows, and their gradients back. */
import { addScaled } from '../../kernels/add-scaled/kernel.ts';
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { onPolicyWeight } from '../../kernels/on-policy-weight/kernel.ts';
import { RESULT_FLOATS } from '../../kernels/preference-loss/kernel.ts';
import { SUM_COLUMNS, sequenceReduce, sequenceReduceBackward } from '../../kernels/sequence-reduce/kernel.ts';
import type { TokenizedPair } from '../data.ts';
import type { Part } from '../parts.ts';

/** Gradients of the extras in `struct PairLoss`: its last four floats. */
const FIRST_EXTRA_GRADIENT = RESULT_FLOATS - 4;

/** Kernels of the parts, to compile ahead. */
export const partKernels: readonly KernelSpec[] = [sequenceReduce, onPolicyWeight, sequenceReduceBackward, addScaled];

/** Numbers per token of a micro-batch, each f32 [sequences, tokens] with room for the longest answer. */
export interface PaddedTokens {
  readonly policy: Tensor;
  readonly reference: Tensor;
  /** KL(reference ‖ policy), where a part asks for it. */
  readonly klFromReference?: Tensor;
  /** log Σ p² of the policy, likewise. */
  readonly logCollision?: Tensor;
}

/** A part whose numbers are recorded: where its gradient goes back to. */
export interface RecordedPart {
  readonly part: Part;
  /** u32 [sequences, tokens]: the tokens that count. */
  readonly mask: Tensor;
  readonly sequenceOf: (pair: number) => number;
}

/**
 * Records the parts' numbers into `extras`.
 * @param extras f32 [pairs, 4]: four extras of each pair.
 */
export function recordParts(
  gpu: Gpu,
  scope: Scope,
  parts: readonly Part[],
  pairs: readonly TokenizedPair[],
  tokens: PaddedTokens,
  extras: Tensor,
): RecordedPart[] {
  const { shape } = tokens.policy;
  const [sequences, longest] = shape;
  return parts.map((part) => {
    const sequenceOf = (p: number) =>
      part.side === 'chosen' ? 2 * p : part.side === 'rejected' ? 2 * p + 1 : 2 * pairs.length + p;
    const flags = new Uint32Array(sequences * longest);
    for (const [p, pair] of pairs.entries()) {
      part.tokens(pair).forEach((counts, t) => {
        flags[sequenceOf(p) * longest + t] = counts ? 1 : 0;
      });
    }
    const mask = scope.upload('u32', shape, flags, 'part mask');
    const { numbers, column } = reduce(gpu, scope, part, tokens, mask);
    for (const p of pairs.keys()) {
      const fromIndex = sequenceOf(p) * numbers.cols + column;
      gpu.copy(numbers, extras, { fromIndex, toIndex: p * 4 + part.extra, count: 1 });
    }
    return { part, mask, sequenceOf };
  });
}

/** One number per sequence: a column of `numbers`. */
function reduce(gpu: Gpu, scope: Scope, { quantity }: Part, tokens: PaddedTokens, mask: Tensor) {
  const { policy, reference, klFromReference, logCollision } = tokens;
  const sequences = mask.shape[0];
  if (quantity === 'onPolicyWeight') {
    const weights = scope.tensor('f32', [sequences, 1], 'on-policy weights');
    const inputs = { logps: policy, log_collision: logCollision!, mask };
    gpu.run(onPolicyWeight, { ...inputs, weights: weights.reshape([sequences]) });
    return { numbers: weights, column: 0 };
  }
  const sums = scope.tensor('f32', [sequences, SUM_COLUMNS.length], 'part sums');
  const logRatio = quantity === 'logRatio';
  const summed = logRatio ? { policy, reference } : { policy: klFromReference!, reference: klFromReference! };
  gpu.run(sequenceReduce, { ...summed, mask, sums });
  return { numbers: sums, column: SUM_COLUMNS.indexOf(logRatio ? 'logRatio' : 'policy') };
}

/**
 * Records what the objective takes through the parts.
 * @param results f32 [pairs, RESULT_FLOATS]: gradients of each pair's loss; the batch loss is their mean.
 * @param gradients f32 [sequences, tokens] each: d(batch loss) / d(policy logps) and / d(klFromReference), added to.
 */
export function backwardParts(
  gpu: Gpu,
  scope: Scope,
  parts: readonly RecordedPart[],
  results: Tensor,
  gradients: { readonly logRatio: Tensor; readonly klFromReference?: Tensor },
): void {
  const pairs = results.rows;
  for (const { part, mask, sequenceOf } of parts) {
    if (!part.gradient || part.quantity === 'onPolicyWeight') continue;
    const d_log_ratio = scope.zeros('f32', [mask.rows], 'd part');
    for (let p = 0; p < pairs; p++) {
      const fromIndex = p * RESULT_FLOATS + FIRST_EXTRA_GRADIENT + part.extra;
      gpu.copy(results, d_log_ratio, { fromIndex, toIndex: sequenceOf(p), count: 1 });
    }
    const d_policy = scope.tensor('f32', mask.shape, 'd part tokens');
    gpu.run(sequenceReduceBackward, { d_log_ratio, mask, d_policy });
    const sum = gradients[part.quantity]!;
    const flat = [sum.size];
    gpu.run(addScaled, { x: d_policy.reshape(flat), y: sum.reshape(flat) }, { scale: 1 / pairs });
  }
}
