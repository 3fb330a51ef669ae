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
