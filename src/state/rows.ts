/** What is said of a pair, as its sides change places. */
import type { PairRow } from '../engine/engine.ts';

const OTHER: Readonly<Record<string, string>> = {
  chosen: 'rejected',
  rejected: 'chosen',
  Chosen: 'Rejected',
  Rejected: 'Chosen',
};

/** The row of a pair whose answers changed places: numbers of the chosen one are then the rejected one's. */
export function swapRow(row: PairRow): PairRow {
  const swapped = Object.entries(row).map(([name, value]) => [
    name.replace(/chosen|rejected/i, (side) => OTHER[side]),
    value,
  ]);
  return Object.fromEntries(swapped) as PairRow;
}
