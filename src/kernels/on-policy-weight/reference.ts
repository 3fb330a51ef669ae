/** Plain loops in float64: what `on-policy-weight.wgsl` is held against. */
export function onPolicyWeightReference(
  logps: ArrayLike<number>,
  logCollision: ArrayLike<number>,
  mask: ArrayLike<number>,
  tokens: number,
): Float64Array {
  return Float64Array.from({ length: mask.length / tokens }, (_, sequence) => {
    let [sum, count] = [0, 0];
    for (let at = sequence * tokens; at < (sequence + 1) * tokens; at++) {
      if (!mask[at]) continue;
      sum += logps[at] - logCollision[at];
      count++;
    }
    return Math.exp(sum / Math.max(count, 1));
  });
}
