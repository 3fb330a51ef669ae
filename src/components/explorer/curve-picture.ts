/** Several losses over one margin: which axis, which samples, which dots. No drawing. */
import type { EveryLoss } from '../../kernels/losses/families/every.ts';
import type { HyperparameterValues } from '../../kernels/losses/objective.ts';
import { bendingRange } from '../objective/plot.ts';
import type { Landscape } from './landscape.ts';
import {
  type CurveSample,
  type MarginId,
  marginOf,
  type Slice,
  type SliceId,
  sampleAt,
  sampleSlice,
  sliceThrough,
} from './slices.ts';
import { landscapeIn, type View } from './view.ts';

/** What the lower picture shows: derivatives by the two summed log-probabilities, or along the slice. */
export const GRADIENTS = {
  slope: { label: 'margin', heading: 'dL / d margin' },
  chosen: { label: 'chosen', heading: 'dL / d log π(y_w)' },
  rejected: { label: 'rejected', heading: 'dL / d log π(y_l)' },
} as const;

export type GradientId = keyof typeof GRADIENTS;

export interface Compared {
  readonly every: EveryLoss;
  readonly values: HyperparameterValues;
}

export interface DrawnCurve extends Compared {
  readonly landscape: Landscape;
  readonly samples: readonly CurveSample[];
}

export interface CurvePicture {
  readonly curves: readonly DrawnCurve[];
  readonly slice: Slice;
  /** Half the width of the axis. */
  readonly range: number;
  /** The view's pairs under the first curve's loss. */
  readonly dots: readonly {
    readonly id: string;
    readonly name: string;
    readonly margin: number;
    readonly loss: number;
  }[];
}

/** Where there is nothing else to go by: nats of sums, and nats per token. */
const PLAIN_RANGE = 20;
const PLAIN_MEAN_RANGE = 3;

/** @param range half the width of the axis; 0 shows every dot and every bend */
export function curvePicture(
  view: View,
  compared: readonly Compared[],
  sliceId: SliceId,
  margin: MarginId,
  range = 0,
): CurvePicture {
  const slice = sliceThrough(view.like, sliceId, margin);
  const landscapes = compared.map(({ every, values }) => landscapeIn(view, every, values));
  const [first] = landscapes;
  const dots = view.pairs.map(({ id, name, inputs }) => {
    const [x, y] = first.plane.of(inputs);
    const own = first.plane.id === 'scores' || first.plane.id === 'image';
    return { id, name, margin: own ? x - y : marginOf(inputs, margin), loss: first.at(inputs)?.loss ?? Number.NaN };
  });
  const wide =
    range > 0
      ? range
      : automatic(
          view,
          landscapes,
          slice,
          dots.map((dot) => dot.margin),
          margin.startsWith('mean') ? PLAIN_MEAN_RANGE : PLAIN_RANGE,
        );
  return {
    slice,
    range: wide,
    dots,
    curves: compared.map((each, i) => ({
      ...each,
      landscape: landscapes[i],
      samples: sampleSlice(landscapes[i], slice, view.like, wide),
    })),
  };
}

/** Wide enough for every dot, and for every curve that bends to show it. */
function automatic(
  view: View,
  landscapes: readonly Landscape[],
  slice: Slice,
  margins: readonly number[],
  plain: number,
): number {
  const finite = margins.filter(Number.isFinite);
  const wanted = landscapes.map((landscape) =>
    bendingRange((margin) => sampleAt(landscape, slice, view.like, margin)?.loss ?? Number.NaN, [...finite, 0.5]),
  );
  const dots = bendingRange(() => Number.NaN, [...finite, 0]);
  // A curve that never bends asks for no more room than the dots do, which says little where there are none.
  const bent = wanted.filter((range) => range > dots && range <= 500);
  return Math.max(dots, ...(bent.length > 0 ? bent : [plain]));
}

/** The first curve's dots and every curve's values where the cursor stands. */
export function valuesAt({ curves, slice }: CurvePicture, view: View, margin: number): (CurveSample | null)[] {
  return curves.map(({ landscape }) => sampleAt(landscape, slice, view.like, margin));
}
