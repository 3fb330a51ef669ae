/** Rows of `table` [vocab, width] picked by `ids`. */
export function embeddingReference(ids: ArrayLike<number>, table: ArrayLike<number>, width: number): Float64Array {
  const y = new Float64Array(ids.length * width);
  for (let row = 0; row < ids.length; row++) {
    for (let i = 0; i < width; i++) y[row * width + i] = table[ids[row] * width + i];
  }
  return y;
}
