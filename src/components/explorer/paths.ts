/** The way each pair went during a run, in the plane of a map. */
import type { StepPair } from '../../engine/engine.ts';
import type { PairInputs } from '../../kernels/losses/inputs.ts';
import { type Plane, withLogRatios } from './plane.ts';

/** What one step said about its pairs. */
export interface StepOfPairs {
  readonly step: number;
  readonly pairs: readonly StepPair[];
}

export type Path = readonly (readonly [x: number, y: number])[];

/** Longer paths are thinned evenly to this many points; first and last stay. */
const MOST_POINTS = 80;

/** The pair as a step saw it: log-ratios as measured, else those that the log-probabilities leave. */
function moved(like: PairInputs, { chosen, rejected, chosenLogRatio, rejectedLogRatio }: StepPair): PairInputs {
  const w = chosenLogRatio ?? like.chosenLogRatio + (chosen - like.chosen);
  const l = rejectedLogRatio ?? like.rejectedLogRatio + (rejected - like.rejected);
  return { ...withLogRatios(like, w, l), chosen, rejected };
}

/**
 * One path per pair that was seen at two steps or more, by its position in the run.
 * @param likes the pairs in the order of the run; those that are unknown have no path
 */
export function pathsOf(
  steps: Iterable<StepOfPairs>,
  likes: readonly (PairInputs | undefined)[],
  plane: Plane,
): Map<number, Path> {
  const paths = new Map<number, [number, number][]>();
  for (const { pairs } of steps) {
    for (const pair of pairs) {
      const like = likes[pair.index];
      if (!like) continue;
      const [x, y] = plane.of(moved(like, pair));
      if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
      const path = paths.get(pair.index);
      if (path) path.push([x, y]);
      else paths.set(pair.index, [[x, y]]);
    }
  }
  return new Map([...paths].filter(([, path]) => path.length > 1).map(([index, path]) => [index, thinned(path)]));
}

function thinned(path: readonly [number, number][]): Path {
  if (path.length <= MOST_POINTS) return path;
  return Array.from({ length: MOST_POINTS }, (_, i) => path[Math.round((i * (path.length - 1)) / (MOST_POINTS - 1))]);
}
