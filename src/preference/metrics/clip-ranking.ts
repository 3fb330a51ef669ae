/** How well a CLIP tells right captions from wrong ones. Ties count as wrong. */

/** Share of rows whose right candidate (its index) scores strictly above all others. */
export function rankedFirst(scores: readonly (readonly number[])[], right: readonly number[]): number {
  if (scores.length === 0) return 0;
  const firsts = scores.filter((row, i) => row.every((score, j) => j === right[i] || score < row[right[i]]));
  return firsts.length / scores.length;
}

/** Share of pairs in which the clean caption scores strictly above the corrupted one. */
export function pairAccuracy(clean: readonly number[], corrupted: readonly number[]): number {
  if (clean.length !== corrupted.length) throw new RangeError('every clean caption needs one corrupted caption');
  if (clean.length === 0) return 0;
  return clean.filter((score, i) => score > corrupted[i]).length / clean.length;
}
