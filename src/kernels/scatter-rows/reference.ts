/** A copy of `target` with rows `rows` replaced by those of `source`. */
export function scatterRowsReference(
  source: ArrayLike<number>,
  rows: ArrayLike<number>,
  target: ArrayLike<number>,
  width: number,
): Float64Array {
  const y = Float64Array.from(target);
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < width; j++) y[rows[i] * width + j] = source[i * width + j];
  }
  return y;
}
