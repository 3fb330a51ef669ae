import { linearReference } from '../linear/reference.ts';

export interface HeadLogprobs {
  readonly logps: Float64Array;
  readonly entropy: Float64Array;
  readonly top1: Float64Array;
  readonly topId: Uint32Array;
  /** log Σ p². */
  readonly logCollision: Float64Array;
}

/** Log-softmax of hidden · Wᵀ at `targets`, with entropy (nats), log Σ p² and most likely entry of each distribution. */
export function headLogprobReference(
  hidden: ArrayLike<number>,
  weights: ArrayLike<number>,
  targets: ArrayLike<number>,
  width: number,
): HeadLogprobs {
  const tokens = targets.length;
  const vocab = weights.length / width;
  const logits = linearReference(hidden, weights, width);
  const result = {
    logps: new Float64Array(tokens),
    entropy: new Float64Array(tokens),
    top1: new Float64Array(tokens),
    topId: new Uint32Array(tokens),
    logCollision: new Float64Array(tokens),
  };
  for (let token = 0; token < tokens; token++) {
    const row = logits.subarray(token * vocab, (token + 1) * vocab);
    let top = 0;
    for (let i = 1; i < vocab; i++) if (row[i] > row[top]) top = i;
    let sum = 0;
    for (const logit of row) sum += Math.exp(logit - row[top]);
    const lse = row[top] + Math.log(sum);
    let collision = 0;
    for (const logit of row) {
      result.entropy[token] -= Math.exp(logit - lse) * (logit - lse);
      collision += Math.exp(2 * (logit - lse));
    }
    result.logCollision[token] = Math.log(collision);
    result.logps[token] = row[targets[token]] - lse;
    result.top1[token] = Math.exp(row[top] - lse);
    result.topId[token] = top;
  }
  return result;
}

/** d/d(logits) of Σ dLogps · logps, [tokens, vocab]: dLogps · (one-hot - softmax). */
export function headLogprobBackwardReference(
  hidden: ArrayLike<number>,
  weights: ArrayLike<number>,
  targets: ArrayLike<number>,
  dLogps: ArrayLike<number>,
  width: number,
): Float64Array {
  const vocab = weights.length / width;
  const d = linearReference(hidden, weights, width);
  for (let token = 0; token < targets.length; token++) {
    const row = d.subarray(token * vocab, (token + 1) * vocab);
    let highest = row[0];
    for (const logit of row) highest = Math.max(highest, logit);
    let sum = 0;
    for (const logit of row) sum += Math.exp(logit - highest);
    for (let v = 0; v < vocab; v++) {
      const p = Math.exp(row[v] - highest) / sum;
      row[v] = dLogps[token] * ((v === targets[token] ? 1 : 0) - p);
    }
  }
  return d;
}
