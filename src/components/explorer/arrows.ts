/** The negative gradient as arrows: where a step pushes a pair that stands at this place. */
import { place } from './grid.ts';

export interface Arrow {
  readonly x: number;
  readonly y: number;
  /** Direction on the picture, of length `strength`. */
  readonly dx: number;
  readonly dy: number;
  /** 0 to 1: the square root of the gradient's length beside the longest one, so that weak pushes are seen too. */
  readonly strength: number;
}

export interface ArrowField {
  readonly arrows: readonly Arrow[];
  /** Length of the longest gradient. */
  readonly longest: number;
}

/**
 * `side` times `side` arrows in the middle of equal tiles; places without a gradient have none, nor have those where it
 * is less than a thousandth of the longest.
 * @param gradient derivatives by the two axes; null where there is none
 */
export function arrowField(
  gradient: (x: number, y: number) => readonly [number, number] | null,
  x: readonly [number, number],
  y: readonly [number, number],
  side: number,
): ArrowField {
  const pushes: { x: number; y: number; push: readonly [number, number]; length: number }[] = [];
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      // Tile centres: as grid points of a grid of half steps.
      const [px, py] = [place(x, 2 * column + 1, 2 * side + 1), place(y, 2 * row + 1, 2 * side + 1)];
      const found = gradient(px, py);
      if (!found?.every(Number.isFinite)) continue;
      pushes.push({ x: px, y: py, push: [-found[0], -found[1]], length: Math.hypot(...found) });
    }
  }
  const longest = pushes.reduce((most, { length }) => Math.max(most, length), 0);
  const arrows = pushes
    .filter(({ length }) => longest > 0 && length > longest / 1000)
    .map(({ x: px, y: py, push, length }) => {
      const strength = Math.sqrt(length / longest);
      return { x: px, y: py, dx: (push[0] / length) * strength, dy: (push[1] / length) * strength, strength };
    });
  return { arrows, longest };
}
