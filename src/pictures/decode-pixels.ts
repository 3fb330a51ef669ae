/**
 * A picture's bytes to 8-bit RGB, as Pillow and the Hugging Face processors read them: upright, no colour management,
 * transparency over white. Chromium decodes to the bytes that Pillow gives in every format; the goldens hold it.
 */
import { InputError } from '../errors.ts';
import { decodeGrey16, isGrey16 } from './grey16.ts';
import type { RgbImage } from './rgb-image.ts';
import { type Orientation, swapsSides, takeOrientation } from './upright.ts';

/** Side of the pieces in which pixels are read back: a canvas has a largest side, and copies of 64 megapixels add up. */
const TILE = 2048;

/**
 * Decodes a picture: the first frame of an animated one, the default image of an animated PNG.
 * @param background what shows through transparency; the processors put white there.
 * @throws {InputError} when the browser cannot decode it.
 */
export async function decodePixels(blob: Blob, background = '#ffffff'): Promise<RgbImage> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const orientation = await takeOrientation(bytes);
  if (isGrey16(bytes)) return turn(await decodeGrey16(bytes), orientation);
  let bitmap: ImageBitmap;
  try {
    const still = new Blob([bytes], { type: blob.type });
    bitmap = await createImageBitmap(still, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch (cause) {
    throw new InputError(
      'This picture cannot be decoded: the file is damaged or of a kind this browser does not read. Use PNG, JPEG or WebP.',
      'image',
      { cause },
    );
  }
  const stored = pixelsOf(bitmap, background);
  bitmap.close();
  return turn(stored, orientation);
}

/** Over the background, tile by tile. The canvas lives in memory (`willReadFrequently`): a GPU's blending rounds otherwise. */
function pixelsOf(bitmap: ImageBitmap, background: string): RgbImage {
  const { width, height } = bitmap;
  const data = new Uint8Array(width * height * 3);
  const canvas = new OffscreenCanvas(Math.min(TILE, width), Math.min(TILE, height));
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.fillStyle = background;
  for (let top = 0; top < height; top += TILE) {
    for (let left = 0; left < width; left += TILE) {
      const [w, h] = [Math.min(TILE, width - left), Math.min(TILE, height - top)];
      context.fillRect(0, 0, w, h);
      context.drawImage(bitmap, left, top, w, h, 0, 0, w, h);
      const rgba = context.getImageData(0, 0, w, h).data;
      for (let y = 0, from = 0; y < h; y++) {
        let to = ((top + y) * width + left) * 3;
        for (let x = 0; x < w; x++, from += 4) {
          data[to++] = rgba[from];
          data[to++] = rgba[from + 1];
          data[to++] = rgba[from + 2];
        }
      }
    }
  }
  return { width, height, data };
}

/** The picture turned upright, pixel for pixel (`PIL.ImageOps.exif_transpose`). */
export function turn(image: RgbImage, orientation: Orientation): RgbImage {
  if (orientation === 1) return image;
  const { width, height, data } = image;
  const swapped = swapsSides(orientation);
  // Where a step to the right and a step down in the upright picture go in the stored one.
  const mirroredX = [2, 3, 7, 8].includes(orientation);
  const mirroredY = [3, 4, 6, 7].includes(orientation);
  const alongX = mirroredX ? -1 : 1;
  const alongY = (mirroredY ? -1 : 1) * width;
  const start = (mirroredX ? width - 1 : 0) + (mirroredY ? (height - 1) * width : 0);
  const [right, down] = swapped ? [alongY, alongX] : [alongX, alongY];
  const upright = { width: swapped ? height : width, height: swapped ? width : height };
  const turned = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < upright.height; y++) {
    let from = (start + y * down) * 3;
    for (let x = 0; x < upright.width; x++, from += right * 3) {
      turned[to++] = data[from];
      turned[to++] = data[from + 1];
      turned[to++] = data[from + 2];
    }
  }
  return { ...upright, data: turned };
}
