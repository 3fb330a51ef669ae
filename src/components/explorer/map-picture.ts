/** The map of a loss: how far it reaches, its field, contour lines and arrows. No drawing. */
import type { PairRow } from '../../engine/engine.ts';
import { INPUTS, type InputName, type PairInputs } from '../../kernels/losses/inputs.ts';
import { bendingRange, roundUp } from '../objective/plot.ts';
import { type ArrowField, arrowField } from './arrows.ts';
import { contourLines, type Line } from './contours.ts';
import { type Grid, levelsOf, place, rangeOfValues, sampleGrid } from './grid.ts';
import type { Landscape } from './landscape.ts';
import type { Plane } from './plane.ts';
import { sampleAt, sliceThrough } from './slices.ts';

/** Samples along one side of the field: enough for smooth contours, few enough for every move of a slider. */
export const SIDE = 49;
const LEVELS = 9;
const ARROWS = 11;

export interface MapPicture {
  readonly landscape: Landscape;
  /** The pair whose other numbers the whole map has. */
  readonly like: PairInputs;
  /** Ends of both axes: one length, so that arrows stand at right angles to contours. */
  readonly domain: readonly [number, number];
  readonly grid: Grid;
  readonly range: readonly [least: number, greatest: number];
  readonly levels: readonly number[];
  readonly contours: readonly { readonly level: number; readonly lines: readonly Line[] }[];
  readonly field: ArrowField;
}

/** Log-probabilities have no place right of 0; log-ratios and scores are as much at home left as right of it. */
const signed = ({ id }: Plane): boolean => id !== 'logps' && id !== 'mean logps';

/** Ends of both axes: room for every place, or for the loss to show its shape. */
function domainFor(
  landscape: Landscape,
  like: PairInputs,
  places: readonly (readonly [number, number])[],
  range: number,
): readonly [number, number] {
  const farthest = places.flat().reduce((most, each) => Math.max(most, Number.isFinite(each) ? Math.abs(each) : 0), 0);
  if (!signed(landscape.plane)) return [-(range > 0 ? range : roundUp(Math.max(farthest * 1.15, 1))), 0];
  if (range > 0) return [-range, range];
  if (range === 0 && farthest > 0) return [-roundUp(farthest * 1.25), roundUp(farthest * 1.25)];
  const slice = sliceThrough(like, 'apart', 'log-ratio');
  const [scale] = landscape.plane.scale(like);
  const loss = (margin: number) => sampleAt(landscape, slice, like, margin)?.loss ?? Number.NaN;
  // The slice counts nats of sums, the plane perhaps nats per token; a shape that never shows asks for no room.
  const shape = Math.min(bendingRange(loss, [0.5]) / scale / 2, 100);
  const reach = roundUp(Math.max(farthest * 1.1, shape, 0.01));
  return [-reach, reach];
}

/**
 * @param places where pairs and their paths are: the map reaches to all of them
 * @param range half the width of the map; 0 shows all pairs (and the shape where none has moved), -1 the whole shape
 */
export function mapPicture(
  landscape: Landscape,
  like: PairInputs,
  places: readonly (readonly [number, number])[],
  range = 0,
): MapPicture {
  const { plane } = landscape;
  const domain = domainFor(landscape, like, places, range);
  const grid = sampleGrid((x, y) => landscape.at(plane.at(x, y, like))?.loss ?? Number.NaN, domain, domain, SIDE);
  const gradient = (x: number, y: number) => {
    const pair = plane.at(x, y, like);
    const sample = landscape.at(pair);
    return sample && landscape.gradient(sample, pair);
  };
  return { landscape, like, domain, ...drawn(grid), field: arrowField(gradient, domain, domain, ARROWS) };
}

/** What is drawn of a grid's values. */
function drawn(grid: Grid): Pick<MapPicture, 'grid' | 'range' | 'levels' | 'contours'> {
  const levels = levelsOf(grid.values, LEVELS);
  const contours = levels.map((level) => ({ level, lines: contourLines(grid, level) }));
  return { grid, range: rangeOfValues(grid.values), levels, contours };
}

/** The same map over other values, as a kernel gives them. */
export const withValues = (picture: MapPicture, values: Float64Array): MapPicture => ({
  ...picture,
  ...drawn({ ...picture.grid, values }),
});

/**
 * The places of the grid as rows for the preference-loss kernel; null where the kernel would compute something else: the
 * losses of other families, statistics that belong to the pairs of the page, places that no policy can reach.
 */
export function gridRows({ landscape, like, domain, grid }: MapPicture): PairRow[] | null {
  const { every, plane } = landscape;
  if (every.kind !== 'pairwise' || every.loss.prepare || every.loss.batchTerm || grid.values.some(Number.isNaN))
    return null;
  const rows: PairRow[] = [];
  const names = [...every.loss.needs, ...(every.loss.optional ?? [])].filter((name) => name in INPUTS);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const pair = plane.at(place(domain, column, SIDE), place(domain, row, SIDE), like);
      const own = names.filter((name: InputName) => Number.isFinite(pair[name])).map((name) => [name, pair[name]]);
      rows.push({
        ...Object.fromEntries(own),
        chosen: pair.chosen,
        rejected: pair.rejected,
        chosenLogRatio: pair.chosenLogRatio,
        rejectedLogRatio: pair.rejectedLogRatio,
        corruptedLogRatio: pair.corruptedLogRatio,
        noisyArgmaxLogRatio: pair.noisyArgmaxLogRatio,
      });
    }
  }
  return rows;
}
