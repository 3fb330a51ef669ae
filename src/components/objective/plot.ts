/** The arithmetic of the loss curve: what range to show, which points to draw, where the ticks stand. No drawing. */
import type { PairInputs } from '../../kernels/losses/inputs.ts';
import type { Curve, HyperparameterValues, Objective } from '../../kernels/losses/objective.ts';

/** One sample of the curve. Gradients are with respect to the summed log-probabilities of the two answers. */
export interface CurvePoint {
  readonly margin: number;
  readonly loss: number;
  readonly chosen: number;
  readonly rejected: number;
}

/** An objective that can be drawn. */
export type Drawable = Objective & { readonly curve: Curve };

export const isDrawable = (objective: Objective): objective is Drawable => objective.curve !== undefined;

/** The loss and its gradients at one margin. */
export function curvePoint(
  objective: Drawable,
  values: HyperparameterValues,
  margin: number,
  like?: PairInputs,
): CurvePoint {
  const { loss, gradients } = objective.evaluate(objective.curve.rowAt(margin, values, like), values);
  return { margin, loss, chosen: gradients.chosen, rejected: gradients.rejected };
}

/** `count` evenly spaced samples over [-range, range]; those that are not finite are left out. */
export function curvePoints(
  objective: Drawable,
  values: HyperparameterValues,
  range: number,
  like?: PairInputs,
  count = 161,
): CurvePoint[] {
  return Array.from({ length: count }, (_, i) =>
    curvePoint(objective, values, -range + (2 * range * i) / (count - 1), like),
  ).filter(({ loss, chosen, rejected }) => [loss, chosen, rejected].every(Number.isFinite));
}

/** 1, 2, 5, 10, 20, 50 …: ranges people can read off, and that do not tremble under a moving slider. */
const RANGES = [-2, -1, 0, 1, 2, 3].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));

/** Half the width of the margin axis for one objective: see `bendingRange`. */
export function rangeFor(
  objective: Drawable,
  values: HyperparameterValues,
  margins: readonly number[],
  like?: PairInputs,
): number {
  return bendingRange((margin) => curvePoint(objective, values, margin, like).loss, margins);
}

/**
 * Half the width of a margin axis: wide enough for every dot, and for the curve to show its bend, which is where
 * the slope on the right has fallen below an eighth of the slope on the left, or has turned upwards.
 */
export function bendingRange(loss: (margin: number) => number, margins: readonly number[]): number {
  const bends = (range: number): boolean => {
    const step = range / 50;
    const left = (loss(-range + step) - loss(-range)) / step;
    const right = (loss(range) - loss(range - step)) / step;
    return Number.isFinite(left) && Number.isFinite(right) && right > -Math.abs(left) / 8;
  };
  const widest = margins.reduce((max, margin) => Math.max(max, Math.abs(margin)), 0) * 1.1;
  const enough = RANGES.filter((range) => range >= widest);
  return enough.find(bends) ?? enough[0] ?? widest;
}

/** A scale from numbers to pixels, with the numbers it is made for. */
export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
}

/** The straight line that takes the ends of `domain` to `from` and `to`. */
export function linear(domain: readonly [number, number], from: number, to: number): Scale {
  const [min, max] = domain;
  return Object.assign((value: number) => from + ((value - min) / (max - min || 1)) * (to - from), { domain });
}

/** The smallest round number (1, 2, 5, 10, ...) that is at least `value`. */
export const roundUp = (value: number): number => RANGES.find((range) => range >= value) ?? value;

/** Round numbers from `min` to `max`, about `count` of them. */
export function ticks(min: number, max: number, count: number): number[] {
  if (!(max > min)) return [min];
  const raw = (max - min) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((candidate) => candidate >= raw * 0.999)!;
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** A tick's number, as short as its neighbours allow. */
export function tickText(value: number, step: number): string {
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(Math.abs(step) || 1) + 1e-9)));
  return value
    .toFixed(digits)
    .replace('-', '−')
    .replace(/^−(0(?:\.0+)?)$/, '$1');
}

/** Least and greatest of the values, with `include` inside, widened by a share so that lines stay off the frame. */
export function extent(values: readonly number[], include: readonly number[], pad = 0.06): [number, number] {
  const all = [...values, ...include].filter(Number.isFinite);
  const min = Math.min(...all);
  const max = Math.max(...all);
  const span = max - min || Math.abs(max) || 1;
  return [min === 0 ? 0 : min - pad * span, max === 0 ? 0 : max + pad * span];
}
