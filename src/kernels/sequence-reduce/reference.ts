/** Plain loops in float64: what `sequence-reduce.wgsl` is held against. */

/** Four sums per sequence, as in `SUM_COLUMNS`. */
export function sequenceReduceReference(
  policy: ArrayLike<number>,
  reference: ArrayLike<number>,
  mask: ArrayLike<number>,
  tokens: number,
): Float64Array {
  const sums = new Float64Array((mask.length / tokens) * 4);
  for (let at = 0; at < mask.length; at++) {
    if (mask[at] === 0) continue;
    const row = Math.floor(at / tokens) * 4;
    sums[row] += policy[at];
    sums[row + 1] += reference[at];
    sums[row + 2] += policy[at] - reference[at];
    sums[row + 3] += 1;
  }
  return sums;
}

/** The gradient of the log-ratio, per token. */
export function sequenceReduceBackwardReference(
  dLogRatio: ArrayLike<number>,
  mask: ArrayLike<number>,
  tokens: number,
): Float64Array {
  return Float64Array.from({ length: mask.length }, (_, at) => (mask[at] ? dLogRatio[Math.floor(at / tokens)] : 0));
}
