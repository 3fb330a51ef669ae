/** Plain loop in float64: what `add-scaled.wgsl` is held against. */
export function addScaledReference(x: ArrayLike<number>, y: ArrayLike<number>, scale: number): Float64Array {
  return Float64Array.from(y, (value, i) => value + scale * x[i]);
}
