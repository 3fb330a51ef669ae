import { linearReference } from '../linear/reference.ts';

export interface HeadDivergence {
  /** KL(policy ‖ reference) per token, nats. */
  readonly klToReference: Float64Array;
  /** KL(reference ‖ policy) per token, nats: what TDPO sums along an answer. */
  readonly klFromReference: Float64Array;
  /** Log-sum-exps of the policy's logits, then of the reference's. */
  readonly lse: Float64Array;
}

/**
 * Divergences of softmax(policy · Wᵀ) and softmax(reference · Wᵀ).
 * @param hidden the policy's hidden states [tokens, width], then the reference's.
 */
export function headDivergenceReference(
  hidden: ArrayLike<number>,
  weights: ArrayLike<number>,
  width: number,
): HeadDivergence {
  const vocab = weights.length / width;
  const tokens = hidden.length / width / 2;
  const logits = linearReference(hidden, weights, width);
  const result = {
    klToReference: new Float64Array(tokens),
    klFromReference: new Float64Array(tokens),
    lse: new Float64Array(2 * tokens),
  };
  for (let row = 0; row < 2 * tokens; row++)
    result.lse[row] = logSumExp(logits.subarray(row * vocab, (row + 1) * vocab));
  for (let token = 0; token < tokens; token++) {
    for (let v = 0; v < vocab; v++) {
      const policy = logits[token * vocab + v] - result.lse[token];
      const reference = logits[(tokens + token) * vocab + v] - result.lse[tokens + token];
      result.klToReference[token] += Math.exp(policy) * (policy - reference);
      result.klFromReference[token] += Math.exp(reference) * (reference - policy);
    }
  }
  return result;
}

/** d/d(policy's logits) of Σ dLogps · logps + Σ dKl · KL(reference ‖ policy), [tokens, vocab]. */
export function headDivergenceBackwardReference(
  hidden: ArrayLike<number>,
  weights: ArrayLike<number>,
  targets: ArrayLike<number>,
  dLogps: ArrayLike<number>,
  dKl: ArrayLike<number>,
  width: number,
): Float64Array {
  const vocab = weights.length / width;
  const tokens = targets.length;
  const logits = linearReference(hidden, weights, width);
  const { lse } = headDivergenceReference(hidden, weights, width);
  return Float64Array.from({ length: tokens * vocab }, (_, at) => {
    const [token, v] = [Math.floor(at / vocab), at % vocab];
    const p = Math.exp(logits[at] - lse[token]);
    const q = Math.exp(logits[tokens * vocab + at] - lse[tokens + token]);
    return dLogps[token] * ((v === targets[token] ? 1 : 0) - p) + dKl[token] * (p - q);
  });
}

function logSumExp(row: Float64Array): number {
  const highest = row.reduce((a, b) => Math.max(a, b));
  return highest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
}
