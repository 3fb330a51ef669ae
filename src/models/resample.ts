/**
 * Image resampling as Pillow does it, to the bit: the Hugging Face processors a model was trained with use Pillow, and
 * a canvas resizes differently in every browser. Separable filters with antialiasing, 8 bits between the two passes,
 * 22-bit fixed-point weights. Follows `ImagingResample` in the `src/libImaging/Resample.c` of Pillow 13.
 */

import type { RgbImage } from '../pictures/rgb-image.ts';

/** `resample` as `preprocessor_config.json` writes it: the numbers of `PIL.Image.Resampling`. */
export type Resample = 0 | 1 | 2 | 3;
export const NEAREST = 0;
export const LANCZOS = 1;
export const BILINEAR = 2;
export const BICUBIC = 3;

interface Filter {
  /** Half width in source pixels at scale 1. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const FILTERS: Readonly<Record<1 | 2 | 3, Filter>> = {
  [LANCZOS]: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  [BILINEAR]: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  [BICUBIC]: {
    support: 2,
    weight: (signed) => {
      const x = Math.abs(signed);
      const a = -0.5;
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
      return 0;
    },
  },
};

/** Fixed-point digits of the weights: with 8 bits of colour and overshoot, sums fit 32 bits. */
const PRECISION_BITS = 22;
const PRECISION = 2 ** PRECISION_BITS;
const HALF = PRECISION / 2;

/** Part of a resized picture, in its pixels. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** For an output position: the first source index, and the fixed-point weights from there on. */
interface Taps {
  readonly first: number;
  readonly weights: Int32Array;
}

/** Taps of the output positions `start` to `start + count` of a line of `inSize` pixels resized to `outSize`. */
function taps(inSize: number, outSize: number, filter: Filter, start: number, count: number): Taps[] {
  if (inSize === outSize) {
    return Array.from({ length: count }, (_, i) => ({ first: start + i, weights: Int32Array.of(PRECISION) }));
  }
  const scale = inSize / outSize;
  const stretch = Math.max(scale, 1);
  const shrink = 1 / stretch;
  const support = filter.support * stretch;
  return Array.from({ length: count }, (_, index) => {
    const center = (start + index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inSize, Math.trunc(center + support + 0.5));
    const exact = Float64Array.from({ length: end - first }, (_, i) =>
      filter.weight((i + first - center + 0.5) * shrink),
    );
    const sum = exact.reduce((total, weight) => total + weight, 0);
    return {
      first,
      weights: Int32Array.from(exact, (weight) => {
        const fixed = (weight / sum) * PRECISION;
        return Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
      }),
    };
  });
}

/** Rows `from` to `to` of `image`, resampled along x. */
function alongRows(image: RgbImage, columns: readonly Taps[], from: number, to: number): RgbImage {
  const width = columns.length;
  const source = image.data;
  const target = new Uint8ClampedArray(width * (to - from) * 3);
  for (let y = from, out = 0; y < to; y++) {
    for (const { first, weights } of columns) {
      let at = (y * image.width + first) * 3;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      for (let i = 0; i < weights.length; i++, at += 3) {
        const weight = weights[i];
        red += source[at] * weight;
        green += source[at + 1] * weight;
        blue += source[at + 2] * weight;
      }
      target[out++] = red >> PRECISION_BITS;
      target[out++] = green >> PRECISION_BITS;
      target[out++] = blue >> PRECISION_BITS;
    }
  }
  return { width, height: to - from, data: new Uint8Array(target.buffer) };
}

/** `image`, whose first row is row `offset` of the picture that `rows` speak of, resampled along y. */
function alongColumns(image: RgbImage, rows: readonly Taps[], offset: number): RgbImage {
  const line = image.width * 3;
  const source = image.data;
  const target = new Uint8ClampedArray(line * rows.length);
  const sums = new Int32Array(line);
  rows.forEach(({ first, weights }, row) => {
    sums.fill(HALF);
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i];
      const at = (first - offset + i) * line;
      for (let x = 0; x < line; x++) sums[x] += source[at + x] * weight;
    }
    for (let x = 0; x < line; x++) target[row * line + x] = sums[x] >> PRECISION_BITS;
  });
  return { width: image.width, height: rows.length, data: new Uint8Array(target.buffer) };
}

/**
 * `image` at `width` x `height`; the aspect ratio is not kept. Rows first as a rule; columns first where the height
 * shrinks by more than twice as many pixels as the width, as Pillow does since version 13. Each pass rounds to 8 bits,
 * so the order shows.
 * @param window the only part of the result that is wanted: a ribbon resized whole can take gigabytes.
 */
export function resize(
  image: RgbImage,
  width: number,
  height: number,
  resample: Resample,
  window: Window = { left: 0, top: 0, width, height },
): RgbImage {
  const whole = window.width === width && window.height === height;
  if (whole && image.width === width && image.height === height) return image;
  if (resample === NEAREST) return nearest(image, width, height, window);
  const columns = taps(image.width, width, FILTERS[resample], window.left, window.width);
  const rows = taps(image.height, height, FILTERS[resample], window.top, window.height);
  const lower = image.height - height;
  if (lower > 0 && lower > (image.width - width) * 2) {
    const low = alongColumns(image, rows, 0);
    return alongRows(low, columns, 0, low.height);
  }
  const from = rows[0].first;
  const last = rows[rows.length - 1];
  return alongColumns(alongRows(image, columns, from, last.first + last.weights.length), rows, from);
}

function nearest(image: RgbImage, width: number, height: number, window: Window): RgbImage {
  const data = new Uint8Array(window.width * window.height * 3);
  for (let y = 0, to = 0; y < window.height; y++) {
    const fromY = Math.floor(((window.top + y + 0.5) * image.height) / height);
    for (let x = 0; x < window.width; x++, to += 3) {
      const fromX = Math.floor(((window.left + x + 0.5) * image.width) / width);
      const from = (fromY * image.width + fromX) * 3;
      data.set(image.data.subarray(from, from + 3), to);
    }
  }
  return { width: window.width, height: window.height, data };
}

/** The central `width` x `height` of `image`; black where the image is smaller (`center_crop` of transformers). */
export function centerCrop(image: RgbImage, width: number, height: number): RgbImage {
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  const data = new Uint8Array(width * height * 3);
  const columns = Math.min(width, image.width);
  for (let y = Math.max(0, -top); y < height && top + y < image.height; y++) {
    const from = ((top + y) * image.width + Math.max(0, left)) * 3;
    data.set(image.data.subarray(from, from + columns * 3), (y * width + Math.max(0, -left)) * 3);
  }
  return { width, height, data };
}
