/** Rows of one submitted pass: bounds activation memory and the time of one dispatch. */
const PASS_ROWS = 2048;

/** How much may stand together. */
export interface BatchLimits {
  readonly rows: number;
  readonly items?: number;
}

/** Consecutive items that stay within the limits together, by default those of one pass; one with more rows goes alone. */
export function* rowBatches<T>(
  items: readonly T[],
  rowsOf: (item: T) => number,
  { rows: mostRows, items: mostItems = Number.POSITIVE_INFINITY }: BatchLimits = { rows: PASS_ROWS },
): Generator<T[]> {
  let batch: T[] = [];
  let rows = 0;
  for (const item of items) {
    const own = rowsOf(item);
    if (batch.length > 0 && (rows + own > mostRows || batch.length === mostItems)) {
      yield batch;
      batch = [];
      rows = 0;
    }
    batch.push(item);
    rows += own;
  }
  if (batch.length > 0) yield batch;
}
