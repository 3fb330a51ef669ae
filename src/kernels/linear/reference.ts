/** x [rows, width] times the transpose of `weights` [out, width], added to `start` [rows, out] where given. */
export function linearReference(
  x: ArrayLike<number>,
  weights: ArrayLike<number>,
  width: number,
  start?: ArrayLike<number>,
): Float64Array {
  const rows = x.length / width;
  const out = weights.length / width;
  const y = new Float64Array(rows * out);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < out; column++) {
      let sum = start ? start[row * out + column] : 0;
      for (let i = 0; i < width; i++) sum += x[row * width + i] * weights[column * width + i];
      y[row * out + column] = sum;
    }
  }
  return y;
}

/** dy [rows, out] times rows first .. first + out - 1 of `weights` [.., width] (0 past the last), added to `start`. */
export function linearBackwardReference(
  dy: ArrayLike<number>,
  weights: ArrayLike<number>,
  width: number,
  out: number,
  first = 0,
  start?: ArrayLike<number>,
): Float64Array {
  const rows = dy.length / out;
  const dx = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      let sum = start ? start[row * width + i] : 0;
      for (let o = 0; o < out; o++) sum += dy[row * out + o] * (weights[(first + o) * width + i] ?? 0);
      dx[row * width + i] = sum;
    }
  }
  return dx;
}
