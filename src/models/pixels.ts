/**
 * From a picture's bytes to `pixel_values`, as `preprocessor_config.json` says and to the bit as transformers 5 computes
 * them with Pillow 13. Two processors: Idefics3 / SmolVLM without image splitting (longest edge first, then squashed to
 * a square) and CLIP (shortest edge, centre crop).
 */
import { ModelFileError } from '../errors.ts';
import { decodePixels } from '../pictures/decode-pixels.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import { BICUBIC, BILINEAR, centerCrop, LANCZOS, NEAREST, type Resample, resize } from './resample.ts';

/** The parts of `preprocessor_config.json` that are read here. */
export interface PreprocessorConfig {
  readonly do_resize?: boolean;
  readonly do_center_crop?: boolean;
  readonly do_normalize?: boolean;
  readonly do_rescale?: boolean;
  readonly rescale_factor?: number;
  readonly image_mean?: readonly number[];
  readonly image_std?: readonly number[];
  readonly resample?: number;
  readonly image_processor_type?: string;
  readonly size?: number | { longest_edge?: number; shortest_edge?: number; height?: number; width?: number };
  readonly max_image_size?: { longest_edge?: number };
  readonly crop_size?: number | { height: number; width: number };
}

/** Everything needed to make `pixel_values`, resolved from the config. */
export interface PixelRecipe {
  /**
   * `squash`: to width x height, whatever the shape. `longest`: the longest edge to `edge`, then squashed. `crop`: the
   * shortest edge to `edge`, then the centre.
   */
  readonly fit: 'squash' | 'longest' | 'crop';
  /** Size of `pixel_values`. */
  readonly width: number;
  readonly height: number;
  /** Length of the edge that `fit` names, in pixels; unused by `squash`. */
  readonly edge: number;
  readonly resample: Resample;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Multiplies the 8-bit values before mean and standard deviation; 1/255 as a rule. */
  readonly scale: number;
}

const SAMPLERS: readonly number[] = [NEAREST, LANCZOS, BILINEAR, BICUBIC];

/** Idefics3 scales no picture beyond this. */
const MOST_EDGE = 4096;

/** What a processor takes where its config is silent: the defaults of its class in transformers. */
const CLIP_DEFAULTS = {
  resample: BICUBIC,
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
const IDEFICS3_DEFAULTS = { resample: LANCZOS, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/**
 * @param name file name for the error message.
 * @throws {ModelFileError} when the config names no size, an unknown filter, or switches resizing off.
 */
export function pixelRecipe(config: PreprocessorConfig, name: string): PixelRecipe {
  const square = config.max_image_size?.longest_edge;
  const defaults = square || !config.image_processor_type?.startsWith('CLIP') ? IDEFICS3_DEFAULTS : CLIP_DEFAULTS;
  const resample = config.resample ?? defaults.resample;
  if (!SAMPLERS.includes(resample)) {
    throw new ModelFileError(`${name} asks for resampling filter ${resample}, which is not supported.`, name);
  }
  const normalize = config.do_normalize !== false;
  const common = {
    resample: resample as Resample,
    mean: normalize ? (config.image_mean ?? defaults.mean) : [0, 0, 0],
    std: normalize ? (config.image_std ?? defaults.std) : [1, 1, 1],
    scale: config.do_rescale === false ? 1 : (config.rescale_factor ?? 1 / 255),
  };
  const size = typeof config.size === 'number' ? { shortest_edge: config.size } : (config.size ?? {});
  if (square) {
    // `do_resize` is the first of Idefics3's two resizes; the one to the square is always done.
    const longest = config.do_resize !== false && size.longest_edge;
    const first = longest ? { fit: 'longest' as const, edge: longest } : { fit: 'squash' as const, edge: square };
    return { ...common, ...first, width: square, height: square };
  }
  if (config.do_resize === false) {
    throw new ModelFileError(`${name} switches resizing off, so pictures have no common size.`, name);
  }
  if (config.do_center_crop !== false && config.crop_size && size.shortest_edge) {
    const crop = config.crop_size;
    const [width, height] = typeof crop === 'number' ? [crop, crop] : [crop.width, crop.height];
    if (!width || !height) throw new ModelFileError(`${name} names no size of the crop.`, name);
    return { ...common, fit: 'crop', width, height, edge: size.shortest_edge };
  }
  const width = size.width ?? size.longest_edge ?? size.shortest_edge;
  const height = size.height ?? width;
  if (!width || !height) throw new ModelFileError(`${name} names no image size.`, name);
  return { ...common, fit: 'squash', width, height, edge: Math.min(width, height) };
}

/**
 * Size after Idefics3's first resize: the longest edge at `edge`, the other rounded down and then up to an even number,
 * both within `MOST_EDGE` (`_resize_output_size_rescale_to_max_len` and `_scale_below_upper_bound` of transformers).
 */
function longestEdgeSize(image: RgbImage, edge: number): [width: number, height: number] {
  const aspect = image.width / image.height;
  const even = (side: number) => Math.max(1, side + (side % 2));
  let [width, height] =
    image.width >= image.height ? [edge, even(Math.trunc(edge / aspect))] : [even(Math.trunc(edge * aspect)), edge];
  const within = width / height;
  if (width >= height && width > MOST_EDGE) [width, height] = [MOST_EDGE, Math.trunc(MOST_EDGE / within)];
  else if (height > width && height > MOST_EDGE) [width, height] = [Math.trunc(MOST_EDGE * within), MOST_EDGE];
  return [Math.max(1, width), Math.max(1, height)];
}

/** Size with the shortest edge at `edge`, the other rounded down (`get_resize_output_image_size`). */
function shortestEdgeSize(image: RgbImage, edge: number): [width: number, height: number] {
  const { width, height } = image;
  return width <= height ? [edge, Math.trunc((edge * height) / width)] : [Math.trunc((edge * width) / height), edge];
}

/** Resized to the model's input: `recipe.width` x `recipe.height`. */
export function fit(image: RgbImage, recipe: PixelRecipe): RgbImage {
  const { width, height, edge, resample } = recipe;
  if (recipe.fit === 'crop') {
    const [wide, high] = shortestEdgeSize(image, edge);
    const window = {
      left: Math.max(0, Math.floor((wide - width) / 2)),
      top: Math.max(0, Math.floor((high - height) / 2)),
      width: Math.min(width, wide),
      height: Math.min(height, high),
    };
    return centerCrop(resize(image, wide, high, resample, window), width, height);
  }
  const first = recipe.fit === 'longest' ? resize(image, ...longestEdgeSize(image, edge), resample) : image;
  return resize(first, width, height, resample);
}

/** `pixel_values` f32 [3, height, width] of an image that already has the model's size. */
export function normalize(image: RgbImage, recipe: PixelRecipe): Float32Array {
  const plane = image.width * image.height;
  const values = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    // NumPy rescales in float64, rounds to float32, and goes on in float32: three roundings, or the last bit differs.
    const [mean, std] = [Math.fround(recipe.mean[channel]), Math.fround(recipe.std[channel])];
    const table = Float32Array.from({ length: 256 }, (_, level) =>
      Math.fround(Math.fround(Math.fround(level * recipe.scale) - mean) / std),
    );
    for (let i = 0; i < plane; i++) values[channel * plane + i] = table[image.data[i * 3 + channel]];
  }
  return values;
}

/** Decode, fit, normalise. */
export async function pixelValues(blob: Blob, recipe: PixelRecipe): Promise<Float32Array> {
  return normalize(fit(await decodePixels(blob), recipe), recipe);
}

/** The fixed picture of the start-up check: coloured ramps with some texture, the same on every machine. */
export function checkPattern(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      data[at] = Math.floor((255 * x) / width);
      data[at + 1] = Math.floor((255 * y) / height);
      data[at + 2] = (x * 7 + y * 13 + ((x * y) >> 3)) & 255;
    }
  }
  return { width, height, data };
}
