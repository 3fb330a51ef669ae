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

const PRECISION = 2 ** 22;

/** For each output position: the first source index, and the fixed-point weights from there on. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

function taps(inSize: number, outSize: number, filter: Filter): Taps[] {
  const scale = inSize / outSize;
  const stretch = Math.max(scale, 1);
  const shrink = 1 / stretch;
  const support = filter.support * stretch;
  return Array.from({ length: outSize }, (_, out) => {
    const center = (out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inSize, Math.trunc(center + support + 0.5));
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let i = 0; i < weights.length; i++) {
      weights[i] = filter.weight((i + first - center + 0.5) * shrink);
      sum += weights[i];
    }
    for (let i = 0; i < weights.length; i++) {
      const fixed = (weights[i] / sum) * PRECISION;
      weights[i] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    return { first, weights };
  });
}

/** `image` resampled along its rows (`x`) or its columns (`y`) to `size` pixels; the other axis is left alone. */
function pass(image: RgbImage, axis: 'x' | 'y', size: number, filter: Filter): RgbImage {
  const along = axis === 'x' ? image.width : image.height;
  if (along === size) return image;
  const result = axis === 'x' ? { width: size, height: image.height } : { width: image.width, height: size };
  const source = image.data;
  const target = new Uint8Array(result.width * result.height * 3);
  const lines = axis === 'x' ? image.height : image.width;
  const [step, stepOut] = axis === 'x' ? [3, 3] : [image.width * 3, result.width * 3];
  const [line, lineOut] = axis === 'x' ? [image.width * 3, result.width * 3] : [3, 3];
  const positions = taps(along, size, filter);
  // Memory order: a column at a time would miss the cache at every pixel.
  const write = (at: number, out: number) => {
    const { first, weights } = positions[out];
    for (let channel = 0; channel < 3; channel++) {
      let sum = PRECISION / 2;
      let from = at * line + first * step + channel;
      for (let i = 0; i < weights.length; i++, from += step) sum += source[from] * weights[i];
      const value = Math.floor(sum / PRECISION);
      target[at * lineOut + out * stepOut + channel] = Math.max(0, Math.min(value, 255));
    }
  };
  if (axis === 'x') for (let at = 0; at < lines; at++) for (let out = 0; out < size; out++) write(at, out);
  else for (let out = 0; out < size; out++) for (let at = 0; at < lines; at++) write(at, out);
  return { ...result, data: target };
}

/**
 * `image` at `width` x `height`; the aspect ratio is not kept. Rows first as a rule; columns first where the height
 * shrinks by more than twice as many pixels as the width, as Pillow does since version 13. Each pass rounds to 8 bits,
 * so the order shows.
 */
export function resize(image: RgbImage, width: number, height: number, resample: Resample): RgbImage {
  if (image.width === width && image.height === height) return image;
  if (resample === NEAREST) return nearest(image, width, height);
  const filter = FILTERS[resample];
  const lower = image.height - height;
  const columnsFirst = lower > 0 && lower > (image.width - width) * 2;
  return columnsFirst
    ? pass(pass(image, 'y', height, filter), 'x', width, filter)
    : pass(pass(image, 'x', width, filter), 'y', height, filter);
}

function nearest(image: RgbImage, width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const fromY = Math.floor(((y + 0.5) * image.height) / height);
    for (let x = 0; x < width; x++) {
      const fromX = Math.floor(((x + 0.5) * image.width) / width);
      const from = (fromY * image.width + fromX) * 3;
      data.set(image.data.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return { width, height, data };
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
