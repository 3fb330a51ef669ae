/**
 * Image resampling as Pillow does it, to the bit: the Hugging Face processors a model was trained with use Pillow, and
 * a canvas resizes differently in every browser. Separable filters with antialiasing, 8 bits between the two passes,
 * 22-bit fixed-point weights. Follows `ImagingResample` in Pillow's `src/libImaging/Resample.c`.
 */

/** `resample` as `preprocessor_config.json` writes it: the numbers of `PIL.Image.Resampling`. */
export type Resample = 0 | 1 | 2 | 3;
export const NEAREST = 0;
export const LANCZOS = 1;
export const BILINEAR = 2;
export const BICUBIC = 3;

/** 8-bit RGB, rows from the top, channels interleaved: length `width * height * 3`. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

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
  const support = filter.support * stretch;
  return Array.from({ length: outSize }, (_, out) => {
    const center = (out + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inSize, Math.trunc(center + support + 0.5));
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let i = 0; i < weights.length; i++) {
      weights[i] = filter.weight((i + first - center + 0.5) / stretch);
      sum += weights[i];
    }
    for (let i = 0; i < weights.length; i++) {
      const fixed = (weights[i] / sum) * PRECISION;
      weights[i] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    return { first, weights };
  });
}

/** One pass along an axis given by strides; the other axis is walked line by line. */
function pass(
  source: Uint8Array,
  target: Uint8Array,
  axis: readonly Taps[],
  lines: number,
  stride: { source: number; target: number; sourceLine: number; targetLine: number },
): void {
  for (let line = 0; line < lines; line++) {
    for (let out = 0; out < axis.length; out++) {
      const { first, weights } = axis[out];
      for (let channel = 0; channel < 3; channel++) {
        let sum = PRECISION / 2;
        let at = line * stride.sourceLine + first * stride.source + channel;
        for (let i = 0; i < weights.length; i++, at += stride.source) sum += source[at] * weights[i];
        const value = Math.floor(sum / PRECISION);
        target[line * stride.targetLine + out * stride.target + channel] = Math.max(0, Math.min(value, 255));
      }
    }
  }
}

/** `image` at `width` x `height`; the aspect ratio is not kept. */
export function resize(image: RgbImage, width: number, height: number, resample: Resample): RgbImage {
  if (image.width === width && image.height === height) return image;
  if (resample === NEAREST) return nearest(image, width, height);
  const filter = FILTERS[resample];
  const wide = new Uint8Array(width * image.height * 3);
  pass(image.data, wide, taps(image.width, width, filter), image.height, {
    source: 3,
    target: 3,
    sourceLine: image.width * 3,
    targetLine: width * 3,
  });
  const data = new Uint8Array(width * height * 3);
  pass(wide, data, taps(image.height, height, filter), width, {
    source: width * 3,
    target: width * 3,
    sourceLine: 3,
    targetLine: 3,
  });
  return { width, height, data };
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

/** The central `width` x `height` of `image`, which must be at least that large. */
export function centerCrop(image: RgbImage, width: number, height: number): RgbImage {
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * 3;
    data.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}
