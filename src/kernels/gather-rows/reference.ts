/** Rows `rows` of `source` [.., width], in that order. */
export function gatherRowsReference(source: ArrayLike<number>, rows: ArrayLike<number>, width: number): Float64Array {
  const y = new Float64Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < width; j++) y[i * width + j] = source[rows[i] * width + j];
  }
  return y;
}
