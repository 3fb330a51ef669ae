/** Rows `rows` of `source` [.., width], in that order. */
export function gatherRowsReference(source: ArrayLike<number>, rows: ArrayLike<number>, width: number): Float64Array {
  const y = new Float64Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < width; j++) y[i * width + j] = source[rows[i] * width + j];
  }
  return y;
}

/** d/d(source) of Σ dPicked · gatherRows(source, rows). */
export function gatherRowsBackwardReference(
  dPicked: ArrayLike<number>,
  rows: ArrayLike<number>,
  sourceRows: number,
  width: number,
): Float64Array {
  const d = new Float64Array(sourceRows * width);
  for (let i = 0; i < rows.length; i++) {
    for (let j = 0; j < width; j++) d[rows[i] * width + j] += dPicked[i * width + j];
  }
  return d;
}
