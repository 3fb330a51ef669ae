export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Softmax attention of every row over keys spans[r] = (a, b, c, e): a..b-1 and c..e-1. Returns y and log-sum-exp. */
export function attentionReference(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  spans: ArrayLike<number>,
  { heads, kvHeads, headDim }: AttentionShape,
): { y: Float64Array; lse: Float64Array } {
  const rows = spans.length / 4;
  const y = new Float64Array(rows * heads * headDim);
  const lse = new Float64Array(rows * heads);
  for (let row = 0; row < rows; row++) {
    const keys: number[] = [];
    for (let j = spans[row * 4]; j < spans[row * 4 + 1]; j++) keys.push(j);
    for (let j = spans[row * 4 + 2]; j < spans[row * 4 + 3]; j++) keys.push(j);
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor(head / (heads / kvHeads));
      const qAt = (row * heads + head) * headDim;
      const keyAt = (j: number) => (j * kvHeads + kvHead) * headDim;
      const scores = keys.map((j) => {
        let score = 0;
        for (let i = 0; i < headDim; i++) score += q[qAt + i] * k[keyAt(j) + i];
        return score / Math.sqrt(headDim);
      });
      const highest = Math.max(...scores);
      let sum = 0;
      for (const score of scores) sum += Math.exp(score - highest);
      lse[row * heads + head] = highest + Math.log(sum);
      keys.forEach((j, index) => {
        const weight = Math.exp(scores[index] - highest) / sum;
        for (let i = 0; i < headDim; i++) y[qAt + i] += weight * v[keyAt(j) + i];
      });
    }
  }
  return { y, lse };
}

/** Gradients of Σ dy · y with respect to q, k and v: loops over rows, heads and visible keys. */
export function attentionBackwardReference(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  spans: ArrayLike<number>,
  dy: ArrayLike<number>,
  shape: AttentionShape,
): { dq: Float64Array; dk: Float64Array; dv: Float64Array } {
  const { heads, kvHeads, headDim } = shape;
  const { y, lse } = attentionReference(q, k, v, spans, shape);
  const dq = new Float64Array(q.length);
  const dk = new Float64Array(k.length);
  const dv = new Float64Array(v.length);
  const dot = (a: ArrayLike<number>, aAt: number, b: ArrayLike<number>, bAt: number): number => {
    let sum = 0;
    for (let i = 0; i < headDim; i++) sum += a[aAt + i] * b[bAt + i];
    return sum;
  };
  for (let row = 0; row < spans.length / 4; row++) {
    const [a, b, c, e] = [0, 1, 2, 3].map((i) => spans[row * 4 + i]);
    for (let head = 0; head < heads; head++) {
      const qAt = (row * heads + head) * headDim;
      const mean = dot(dy, qAt, y, qAt);
      for (let j = 0; j < k.length / (kvHeads * headDim); j++) {
        if (!((j >= a && j < b) || (j >= c && j < e))) continue;
        const at = (j * kvHeads + Math.floor(head / (heads / kvHeads))) * headDim;
        const p = Math.exp(dot(q, qAt, k, at) / Math.sqrt(headDim) - lse[row * heads + head]);
        const ds = (p * (dot(dy, qAt, v, at) - mean)) / Math.sqrt(headDim);
        for (let i = 0; i < headDim; i++) {
          dv[at + i] += p * dy[qAt + i];
          dk[at + i] += ds * q[qAt + i];
          dq[qAt + i] += ds * k[at + i];
        }
      }
    }
  }
  return { dq, dk, dv };
}
