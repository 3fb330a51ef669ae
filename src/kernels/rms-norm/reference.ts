/** y[r, i] = gain[i] · x[r, i] / sqrt(mean_j x[r, j]² + eps) */
export function rmsNormReference(x: ArrayLike<number>, gain: ArrayLike<number>, eps: number): Float64Array {
  const width = gain.length;
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[start + i] ** 2;
    const scale = 1 / Math.sqrt(sum / width + eps);
    for (let i = 0; i < width; i++) y[start + i] = gain[i] * x[start + i] * scale;
  }
  return y;
}

/** d/dx of Σ dy · rmsNorm(x). */
export function rmsNormBackwardReference(
  x: ArrayLike<number>,
  gain: ArrayLike<number>,
  dy: ArrayLike<number>,
  eps: number,
): Float64Array {
  const width = gain.length;
  const dx = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let squares = 0;
    let products = 0;
    for (let i = 0; i < width; i++) {
      squares += x[start + i] ** 2;
      products += gain[i] * dy[start + i] * x[start + i];
    }
    const scale = 1 / Math.sqrt(squares / width + eps);
    for (let i = 0; i < width; i++) {
      dx[start + i] = scale * (gain[i] * dy[start + i] - (x[start + i] * scale ** 2 * products) / width);
    }
  }
  return dx;
}
