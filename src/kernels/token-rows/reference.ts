/** Plain loops: what `token-rows.wgsl` and `token-rows-backward.wgsl` are held against. */

/** Log-probability and the seven facts of each token, side by side. */
export function tokenRowsReference(logps: ArrayLike<number>, facts: ArrayLike<number>): Float64Array {
  const rows = new Float64Array(logps.length * 8);
  for (let t = 0; t < logps.length; t++) {
    rows[8 * t] = logps[t];
    for (let i = 0; i < 7; i++) rows[8 * t + 1 + i] = facts[7 * t + i];
  }
  return rows;
}

/** The second and the third of each token's four results. */
export function tokenRowsBackwardReference(results: ArrayLike<number>): {
  dLogps: Float64Array;
  dValues: Float64Array;
} {
  const column = (offset: number) =>
    Float64Array.from({ length: results.length / 4 }, (_, t) => results[4 * t + offset]);
  return { dLogps: column(1), dValues: column(2) };
}
