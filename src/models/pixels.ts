/**
 * From a picture's bytes to `pixel_values`: decode without colour management, resize and normalise as
 * `preprocessor_config.json` says. Two processors: Idefics3 / SmolVLM without image splitting (squash to a square) and
 * CLIP (shortest edge, centre crop).
 */
import { InputError, ModelFileError } from '../errors.ts';
import { BICUBIC, BILINEAR, centerCrop, LANCZOS, NEAREST, type Resample, type RgbImage, resize } from './resample.ts';

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
  readonly size?: number | { longest_edge?: number; shortest_edge?: number; height?: number; width?: number };
  readonly max_image_size?: { longest_edge?: number };
  readonly crop_size?: number | { height: number; width: number };
}

/** Everything needed to make `pixel_values`, resolved from the config. */
export interface PixelRecipe {
  /** `squash`: straight to width x height. `crop`: shortest edge to `edge`, then the centre. */
  readonly fit: 'squash' | 'crop';
  readonly width: number;
  readonly height: number;
  readonly edge: number;
  readonly resample: Resample;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** Multiplies the 8-bit values before mean and standard deviation; 1/255 as a rule. */
  readonly scale: number;
}

const SAMPLERS: readonly number[] = [NEAREST, LANCZOS, BILINEAR, BICUBIC];

/**
 * @param name file name for the error message.
 * @throws {ModelFileError} when the config names no size or an unknown filter.
 */
export function pixelRecipe(config: PreprocessorConfig, name: string): PixelRecipe {
  const resample = config.resample ?? BICUBIC;
  if (!SAMPLERS.includes(resample)) {
    throw new ModelFileError(`${name} asks for resampling filter ${resample}, which is not supported.`, name);
  }
  const normalize = config.do_normalize !== false;
  const common = {
    resample: resample as Resample,
    mean: normalize ? (config.image_mean ?? [0.5, 0.5, 0.5]) : [0, 0, 0],
    std: normalize ? (config.image_std ?? [0.5, 0.5, 0.5]) : [1, 1, 1],
    scale: config.do_rescale === false ? 1 : (config.rescale_factor ?? 1 / 255),
  };
  const size = typeof config.size === 'number' ? { shortest_edge: config.size } : (config.size ?? {});
  const square = config.max_image_size?.longest_edge;
  if (square) return { ...common, fit: 'squash', width: square, height: square, edge: square };
  if (config.do_center_crop !== false && config.crop_size && size.shortest_edge) {
    const crop = config.crop_size;
    const [width, height] = typeof crop === 'number' ? [crop, crop] : [crop.width, crop.height];
    return { ...common, fit: 'crop', width, height, edge: size.shortest_edge };
  }
  const width = size.width ?? size.longest_edge ?? size.shortest_edge;
  const height = size.height ?? width;
  if (!width || !height) throw new ModelFileError(`${name} names no image size.`, name);
  return { ...common, fit: 'squash', width, height, edge: Math.min(width, height) };
}

/**
 * Decodes a picture to 8-bit RGB as stored: no colour management, EXIF orientation applied, transparency over white
 * (as the Idefics3 processor does).
 * @throws {InputError} when the browser cannot decode it.
 */
export async function decodePixels(blob: Blob): Promise<RgbImage> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch (cause) {
    throw new InputError(
      'This picture cannot be decoded: the file is damaged or of a kind this browser does not read. Use PNG, JPEG or WebP.',
      'image',
      { cause },
    );
  }
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; j < data.length; i += 4) {
    data[j++] = rgba[i];
    data[j++] = rgba[i + 1];
    data[j++] = rgba[i + 2];
  }
  return { width, height, data };
}

/** Resized to the model's input: `recipe.width` x `recipe.height`. */
export function fit(image: RgbImage, recipe: PixelRecipe): RgbImage {
  if (recipe.fit === 'squash') return resize(image, recipe.width, recipe.height, recipe.resample);
  // CLIP: the longer side is truncated to whole pixels, as `get_resize_output_image_size` does.
  const scale = recipe.edge / Math.min(image.width, image.height);
  const width = image.width <= image.height ? recipe.edge : Math.trunc(image.width * scale);
  const height = image.width <= image.height ? Math.trunc(image.height * scale) : recipe.edge;
  return centerCrop(resize(image, width, height, recipe.resample), recipe.width, recipe.height);
}

/** `pixel_values` f32 [3, height, width] of an image that already has the model's size. */
export function normalize(image: RgbImage, recipe: PixelRecipe): Float32Array {
  const plane = image.width * image.height;
  const values = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0; i < plane; i++) {
      values[channel * plane + i] =
        (image.data[i * 3 + channel] * recipe.scale - recipe.mean[channel]) / recipe.std[channel];
    }
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
