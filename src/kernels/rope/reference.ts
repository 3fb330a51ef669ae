/** Turns every head of `x` [rows, heads · headDim] by its row's position. */
export function ropeReference(
  x: ArrayLike<number>,
  positions: ArrayLike<number>,
  headDim: number,
  theta: number,
): Float64Array {
  const y = new Float64Array(x.length);
  const width = x.length / positions.length;
  const pairs = headDim / 2;
  for (let row = 0; row < positions.length; row++) {
    for (let head = 0; head < width / headDim; head++) {
      for (let i = 0; i < pairs; i++) {
        const angle = positions[row] * theta ** ((-2 * i) / headDim);
        const at = row * width + head * headDim + i;
        y[at] = x[at] * Math.cos(angle) - x[at + pairs] * Math.sin(angle);
        y[at + pairs] = x[at + pairs] * Math.cos(angle) + x[at] * Math.sin(angle);
      }
    }
  }
  return y;
}

/** Turns every head of `dy` [rows, heads · headDim] back by its row's position. */
export function ropeBackwardReference(
  dy: ArrayLike<number>,
  positions: ArrayLike<number>,
  headDim: number,
  theta: number,
): Float64Array {
  return ropeReference(
    dy,
    Array.from(positions, (position) => -position),
    headDim,
    theta,
  );
}
