/** Plain loops in float64: what the two stages are held against. */

/** Sum of squares per workgroup of 256 lanes, `groups` of them striding over the elements together. */
export function sumOfSquaresReference(gradients: ArrayLike<number>, groups: number): Float64Array {
  const partials = new Float64Array(groups);
  for (let i = 0; i < gradients.length; i++) partials[Math.floor(i / 256) % groups] += gradients[i] ** 2;
  return partials;
}

export function gradNormReference(partials: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < partials.length; i++) sum += partials[i];
  return Math.sqrt(sum);
}
