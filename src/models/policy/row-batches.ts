/** Rows of one submitted pass: bounds activation memory and the time of one dispatch. */
const BATCH_ROWS = 2048;

/** Consecutive items whose rows stay below the limit together; a longer one goes alone. */
export function* rowBatches<T>(items: readonly T[], rowsOf: (item: T) => number): Generator<T[]> {
  let batch: T[] = [];
  let rows = 0;
  for (const item of items) {
    const own = rowsOf(item);
    if (batch.length > 0 && rows + own > BATCH_ROWS) {
      yield batch;
      batch = [];
      rows = 0;
    }
    batch.push(item);
    rows += own;
  }
  if (batch.length > 0) yield batch;
}
