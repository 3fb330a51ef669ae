/** Which pairs of a batch enter the statistic of beta-DPO: a random 80 %, the typical ones first. */

/** Share of the batch that is kept. */
const SHARE = 0.8;

/**
 * Draws without replacement, each pair with weight exp(-((D - mean) / std)^2 / 2), by the largest of
 * log(weight) + Gumbel noise (Vieira 2014). The same seed and margins give the same pairs; a batch of one keeps it.
 */
export function drawKept(margins: readonly number[], seed: number): boolean[] {
  const n = margins.length;
  const mean = margins.reduce((sum, margin) => sum + margin, 0) / n;
  const variance = margins.reduce((sum, margin) => sum + (margin - mean) ** 2, 0) / Math.max(n - 1, 1);
  const std = Math.sqrt(variance) + 1e-7;
  const random = mulberry32(seed);
  const keys = margins.map((margin) => {
    const gumbel = -Math.log(-Math.log(Math.max(random(), 1e-12)));
    return gumbel - ((margin - mean) / std) ** 2 / 2;
  });
  const count = Math.max(1, Math.floor(SHARE * n));
  const order = keys.map((_, i) => i).sort((a, b) => keys[b] - keys[a]);
  const kept = new Set(order.slice(0, count));
  return margins.map((_, i) => kept.has(i));
}

/** The generator mulberry32: uniform in [0, 1), from a whole number. */
function mulberry32(seed: number): () => number {
  let state = Math.floor(seed) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
