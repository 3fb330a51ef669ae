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

/** d/d(gate, up) of Σ dy · swiglu(gate, up), as rows [dgate | dup]. */
export function swigluBackwardReference(gateUp: ArrayLike<number>, dy: ArrayLike<number>, inner: number): Float64Array {
  const d = new Float64Array(gateUp.length);
  for (let row = 0; row < gateUp.length / (2 * inner); row++) {
    for (let i = 0; i < inner; i++) {
      const at = row * 2 * inner + i;
      const gate = gateUp[at];
      const slope = 1 / (1 + Math.exp(-gate));
      const gradient = dy[row * inner + i];
      d[at] = gradient * gateUp[at + inner] * slope * (1 + gate * (1 - slope));
      d[at + inner] = gradient * gate * slope;
    }
  }
  return d;
}
