/**
 * One axis for objectives that look at different things. A pair has two log-probabilities and a margin is one number, so
 * a curve needs a slice: how the two answers share the change. The pair's reference, lengths and further inputs stay.
 */
import type { PairSample } from '../../kernels/losses/families/on-pairs.ts';
import type { PairInputs } from '../../kernels/losses/inputs.ts';
import type { Landscape } from './landscape.ts';
import { type Plane, withLogRatios } from './plane.ts';

/** How a margin comes about. */
export const SLICES = {
  apart: { label: 'both, evenly', words: 'chosen rises by half the change, rejected falls by half' },
  chosen: { label: 'chosen alone', words: 'the chosen answer moves, the rejected one stays' },
  rejected: { label: 'rejected alone', words: 'the rejected answer moves, the chosen one stays' },
} as const;

export type SliceId = keyof typeof SLICES;

/** Which margin stands on the axis. */
export const MARGINS = {
  'log-ratio': {
    label: 'log-ratios',
    tex: 'D = h_w - h_l',
    words: 'nats; difference of summed log-ratios of policy to reference',
  },
  'mean log-ratio': {
    label: 'log-ratios per token',
    tex: 'h_w/|y_w| - h_l/|y_l|',
    words: 'nats per token; difference of mean log-ratios of policy to reference',
  },
  sum: {
    label: 'summed logps',
    tex: '\\log\\pi_\\theta(y_w) - \\log\\pi_\\theta(y_l)',
    words: 'nats; the policy alone, without the reference',
  },
  mean: {
    label: 'mean logps',
    tex: 'a_w - a_l,\\; a = \\tfrac{1}{|y|}\\log\\pi_\\theta(y)',
    words: 'nats per token; the policy alone',
  },
} as const;

export type MarginId = keyof typeof MARGINS;

export interface Slice {
  /** Log-ratios of the two answers at a margin. */
  at(margin: number): readonly [chosen: number, rejected: number];
  /** How far the two log-ratios move per unit of the margin. */
  readonly slope: readonly [chosen: number, rejected: number];
}

/** The margin of a pair on an axis. */
export function marginOf(pair: PairInputs, margin: MarginId): number {
  if (margin === 'log-ratio') return pair.chosenLogRatio - pair.rejectedLogRatio;
  if (margin === 'sum') return pair.chosen - pair.rejected;
  if (margin === 'mean log-ratio')
    return pair.chosenLogRatio / pair.chosenLength - pair.rejectedLogRatio / pair.rejectedLength;
  return pair.chosen / pair.chosenLength - pair.rejected / pair.rejectedLength;
}

/** The margin on which a loss of this plane is at home. */
export function ownMargin({ id }: Plane): MarginId {
  if (id === 'mean log-ratios') return 'mean log-ratio';
  if (id === 'logps') return 'sum';
  return id === 'mean logps' ? 'mean' : 'log-ratio';
}

/** The line through the two log-ratios along which the margin is drawn, with everything else as in `like`. */
export function sliceThrough(like: PairInputs, id: SliceId, margin: MarginId): Slice {
  const { chosenLogRatio: w, rejectedLogRatio: l } = like;
  // Where the slice passes (chosen, rejected), and its direction.
  const [start, direction] = {
    apart: [
      [(w + l) / 2, (w + l) / 2],
      [0.5, -0.5],
    ],
    chosen: [
      [l, l],
      [1, 0],
    ],
    rejected: [
      [w, w],
      [0, -1],
    ],
  }[id] as [[number, number], [number, number]];
  const there = withLogRatios(like, start[0], start[1]);
  const perUnit = margin.startsWith('mean') ? [1 / like.chosenLength, 1 / like.rejectedLength] : [1, 1];
  // The margin is linear along the slice: its value at the start, and its slope.
  const first = marginOf(there, margin);
  const rate = direction[0] * perUnit[0] - direction[1] * perUnit[1];
  return {
    at: (value) => {
      const t = (value - first) / rate;
      return [start[0] + direction[0] * t, start[1] + direction[1] * t];
    },
    slope: [direction[0] / rate, direction[1] / rate],
  };
}

/** A loss and its gradients at one margin. */
export interface CurveSample {
  readonly margin: number;
  readonly loss: number;
  readonly chosen: number;
  readonly rejected: number;
  /** Derivative along the slice. */
  readonly slope: number;
}

/** The loss at a margin of the slice; null where it has none. */
export function sampleAt(landscape: Landscape, slice: Slice, like: PairInputs, margin: number): CurveSample | null {
  const [w, l] = slice.at(margin);
  const { plane } = landscape;
  // Scores, and the answer under a corrupted image, stand where other losses have their log-ratios.
  const own = plane.id === 'scores' || plane.id === 'image';
  const sample = landscape.at(own ? plane.at(w, l, like) : withLogRatios(like, w, l));
  if (!sample) return null;
  const { loss, chosen } = sample;
  const rejected = rejectedGradient(landscape, sample);
  return { margin, loss, chosen, rejected, slope: chosen * slice.slope[0] + rejected * slice.slope[1] };
}

const rejectedGradient = ({ plane }: Landscape, sample: PairSample): number =>
  plane.id === 'image' ? (sample.corrupted ?? 0) : sample.rejected;

/** `count` evenly spaced samples over [-range, range]; margins without a value are left out. */
export function sampleSlice(
  landscape: Landscape,
  slice: Slice,
  like: PairInputs,
  range: number,
  count = 161,
): CurveSample[] {
  return Array.from({ length: count }, (_, i) =>
    sampleAt(landscape, slice, like, -range + (2 * range * i) / (count - 1)),
  ).filter((sample) => sample !== null);
}
