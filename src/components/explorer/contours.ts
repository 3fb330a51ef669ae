/** Lines of equal value through a grid, by marching squares. */
import { type Grid, place } from './grid.ts';

export type Line = readonly (readonly [x: number, y: number])[];

/**
 * Corners of a cell, counter-clockwise from its lower left one, are bits 1, 2, 4, 8 of the case where they lie above the
 * level; sides are 0 lower, 1 right, 2 upper, 3 left. Each case lists the sides that segments join. The saddles, 5 and 10,
 * are decided by the cell's mean: as listed where it lies below the level, by the other list where it lies above.
 */
const SEGMENTS: readonly (readonly (readonly [number, number])[])[] = [
  [],
  [[3, 0]],
  [[0, 1]],
  [[3, 1]],
  [[1, 2]],
  [
    [3, 0],
    [1, 2],
  ],
  [[0, 2]],
  [[3, 2]],
  [[2, 3]],
  [[2, 0]],
  [
    [0, 1],
    [2, 3],
  ],
  [[2, 1]],
  [[1, 3]],
  [[1, 0]],
  [[0, 3]],
  [],
];
const HIGH_SADDLES: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  5: [
    [3, 2],
    [1, 0],
  ],
  10: [
    [0, 3],
    [2, 1],
  ],
};

/** The lines of one level, joined from cell to cell; a closed line ends where it begins. Cells with NaN have none. */
export function contourLines(grid: Grid, level: number): Line[] {
  const { side, values } = grid;
  const points = new Map<number, readonly [number, number]>();
  const neighbours = new Map<number, number[]>();
  const join = (a: number, b: number) => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ]) {
      const known = neighbours.get(from);
      if (known) known.push(to);
      else neighbours.set(from, [to]);
    }
  };
  for (let row = 0; row + 1 < side; row++) {
    for (let column = 0; column + 1 < side; column++) {
      const corner = row * side + column;
      const corners = [corner, corner + 1, corner + side + 1, corner + side];
      const heights = corners.map((index) => values[index]);
      const mean = (heights[0] + heights[1] + heights[2] + heights[3]) / 4;
      if (Number.isNaN(mean)) continue;
      const which = heights.reduce((bits, height, i) => (height > level ? bits | (1 << i) : bits), 0);
      const segments = (mean > level && HIGH_SADDLES[which]) || SEGMENTS[which];
      for (const segment of segments) {
        const [a, b] = segment.map((edge) => crossing(grid, level, corners, edge, points));
        join(a, b);
      }
    }
  }
  return joined(points, neighbours);
}

/** Number of the grid edge on this side of a cell: neighbouring cells give it the same. Stores where the level crosses it. */
function crossing(
  { side, x, y, values }: Grid,
  level: number,
  corners: readonly number[],
  edge: number,
  points: Map<number, readonly [number, number]>,
): number {
  const [from, to] = [corners[edge], corners[(edge + 1) % 4]].sort((a, b) => a - b);
  const id = 2 * from + (to === from + 1 ? 0 : 1);
  if (!points.has(id)) {
    const share = (level - values[from]) / (values[to] - values[from]);
    const at = (index: number) => [place(x, index % side, side), place(y, Math.floor(index / side), side)];
    const [[x0, y0], [x1, y1]] = [at(from), at(to)];
    points.set(id, [x0 + share * (x1 - x0), y0 + share * (y1 - y0)]);
  }
  return id;
}

/** Open lines from their ends first, then what is left: closed ones. */
function joined(points: Map<number, readonly [number, number]>, neighbours: Map<number, number[]>): Line[] {
  const lines: Line[] = [];
  const follow = (start: number) => {
    const line = [points.get(start)!];
    let here = start;
    for (;;) {
      const next = neighbours.get(here)!.pop();
      if (next === undefined) break;
      const back = neighbours.get(next)!;
      back.splice(back.indexOf(here), 1);
      line.push(points.get(next)!);
      here = next;
    }
    if (line.length > 1) lines.push(line);
  };
  const ends = [...neighbours].filter(([, others]) => others.length === 1).map(([id]) => id);
  for (const id of [...ends, ...neighbours.keys()]) if (neighbours.get(id)!.length > 0) follow(id);
  return lines;
}
