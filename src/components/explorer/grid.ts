/** Arithmetic of the map: a function sampled over a plane, levels worth drawing, and how strong a colour is. No drawing. */

/** Values of a function over a rectangle: `side` columns from left to right, `side` rows from the lower edge up. */
export interface Grid {
  readonly side: number;
  readonly x: readonly [min: number, max: number];
  readonly y: readonly [min: number, max: number];
  /** Row by row; NaN where the function has no value. */
  readonly values: Float64Array;
}

/** Position of column or row `index` on an axis. */
export const place = ([min, max]: readonly [number, number], index: number, side: number): number =>
  min + ((max - min) * index) / (side - 1);

/** Samples `at` on a grid; what is not finite becomes NaN. */
export function sampleGrid(at: (x: number, y: number) => number, x: Grid['x'], y: Grid['y'], side: number): Grid {
  const values = new Float64Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const value = at(place(x, column, side), place(y, row, side));
      values[row * side + column] = Number.isFinite(value) ? value : Number.NaN;
    }
  }
  return { side, x, y, values };
}

/** A number with two significant digits, as a person would choose it. */
const rounded = (value: number): number => (value === 0 ? 0 : Number(value.toPrecision(2)));

/**
 * Levels that divide the *area* of the map evenly: quantiles of the values, rounded, ascending, each once. Evenly spaced
 * levels would crowd where the loss is steep and leave the plain, where most pairs stand, without a line.
 */
export function levelsOf(values: ArrayLike<number>, count: number): number[] {
  const sorted = Array.from(values)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  if (sorted.length === 0) return [];
  const [least, greatest] = [sorted[0], sorted[sorted.length - 1]];
  const quantiles = Array.from({ length: count }, (_, i) =>
    rounded(sorted[Math.round(((i + 1) / (count + 1)) * (sorted.length - 1))]),
  );
  return [...new Set(quantiles)].filter((level) => level > least && level < greatest);
}

/** Position of a value between the least (0) and the greatest (1), each step from level to level counting the same. */
export function shareOf(value: number, levels: readonly number[], least: number, greatest: number): number {
  const stops = [least, ...levels, greatest];
  if (!(greatest > least)) return 0;
  const above = stops.findIndex((stop) => stop >= value);
  if (above < 0) return 1;
  if (above === 0) return 0;
  const [from, to] = [stops[above - 1], stops[above]];
  return (above - 1 + (to > from ? (value - from) / (to - from) : 1)) / (stops.length - 1);
}

/** Least and greatest finite value. */
export function rangeOfValues(values: ArrayLike<number>): [number, number] {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (values[i] < least) least = values[i];
    if (values[i] > greatest) greatest = values[i];
  }
  return [least, greatest];
}
