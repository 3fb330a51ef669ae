/** silu(gate) · up for rows [gate | up] of `inner` elements each. */
export function swigluReference(gateUp: ArrayLike<number>, inner: number): Float64Array {
  const rows = gateUp.length / (2 * inner);
  const y = new Float64Array(rows * inner);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < inner; i++) {
      const gate = gateUp[row * 2 * inner + i];
      const up = gateUp[row * 2 * inner + inner + i];
      y[row * inner + i] = (gate / (1 + Math.exp(-gate))) * up;
    }
  }
  return y;
}
