/** Moves labels apart so that none covers another. No drawing. */

/**
 * Positions at least `gap` apart, in the order of `wanted`, as near to it as that allows, within [low, high] where there
 * is room for all.
 */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b] || a - b);
  const placed = new Array<number>(wanted.length);
  order.forEach((index, rank) => {
    const floor = rank === 0 ? low : placed[order[rank - 1]] + gap;
    placed[index] = Math.max(wanted[index], floor);
  });
  let ceiling = high;
  for (const index of [...order].reverse()) {
    placed[index] = Math.min(placed[index], ceiling);
    ceiling = placed[index] - gap;
  }
  return placed;
}
