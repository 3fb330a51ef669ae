/** Plain loops: what `pair-rows.wgsl` is held against. */
export function pairRowsReference(sums: ArrayLike<number>, extras: ArrayLike<number>): Float64Array {
  const pairs = extras.length / 4;
  const rows = new Float64Array(pairs * 10);
  for (let p = 0; p < pairs; p++) {
    const [chosen, rejected] = [8 * p, 8 * p + 4];
    const row = [0, 2, 3].flatMap((column) => [sums[chosen + column], sums[rejected + column]]);
    rows.set([...row, ...Array.from({ length: 4 }, (_, i) => extras[4 * p + i])], 10 * p);
  }
  return rows;
}
