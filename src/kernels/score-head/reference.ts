/** Plain loops in float64: what `score-head.wgsl` is held against. */
export function scoreHeadReference(hidden: ArrayLike<number>, weights: ArrayLike<number>): Float64Array {
  const width = weights.length;
  const scores = new Float64Array(hidden.length / width);
  for (let at = 0; at < hidden.length; at++) scores[Math.floor(at / width)] += hidden[at] * weights[at % width];
  return scores;
}

/** Gradients of Σ dScores · scoreHead(hidden, weights). */
export function scoreHeadBackwardReference(
  hidden: ArrayLike<number>,
  weights: ArrayLike<number>,
  dScores: ArrayLike<number>,
): { dHidden: Float64Array; dWeights: Float64Array } {
  const width = weights.length;
  const dHidden = new Float64Array(hidden.length);
  const dWeights = new Float64Array(width);
  for (let at = 0; at < hidden.length; at++) {
    const [sequence, column] = [Math.floor(at / width), at % width];
    dHidden[at] = dScores[sequence] * weights[column];
    dWeights[column] += dScores[sequence] * hidden[at];
  }
  return { dHidden, dWeights };
}
