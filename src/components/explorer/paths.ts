/** The way a pair went during a run, in the plane of a map. */
import type { PairInputs } from '../../kernels/losses/inputs.ts';
import type { TrackPoint } from '../../state/training/tracks.ts';
import { type Plane, withLogRatios } from './plane.ts';

export type Path = readonly (readonly [x: number, y: number])[];

/** Longer paths are thinned evenly to this many points; first and last stay. */
const MOST_POINTS = 80;

/** The pair as a step saw it: log-ratios as measured, else those that the log-probabilities leave. */
function seen(like: PairInputs, { chosen, rejected, chosenLogRatio, rejectedLogRatio }: TrackPoint): PairInputs {
  const w = chosenLogRatio ?? like.chosenLogRatio + (chosen - like.chosen);
  const l = rejectedLogRatio ?? like.rejectedLogRatio + (rejected - like.rejected);
  return { ...withLogRatios(like, w, l), chosen, rejected };
}

/**
 * The places where the steps of a run saw a pair, then where it stands now.
 * @param now the pair as it is; its reference and lengths are those of the whole path
 */
export function pathOf(track: readonly TrackPoint[], now: PairInputs, plane: Plane): Path {
  const points = [...track.map((point) => plane.of(seen(now, point))), plane.of(now)].filter((point) =>
    point.every(Number.isFinite),
  );
  if (points.length <= MOST_POINTS) return points;
  return Array.from(
    { length: MOST_POINTS },
    (_, i) => points[Math.round((i * (points.length - 1)) / (MOST_POINTS - 1))],
  );
}
