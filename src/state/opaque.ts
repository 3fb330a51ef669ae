/** Pictures for readers that treat transparency each their own way. */
import { decodePixels } from '../pictures/decode-pixels.ts';
import { encodePng } from './png.ts';

/**
 * The picture as a file without transparency: its own bytes when it has none, else a PNG of it over white, which is what
 * the models see here. Python's `load_image` drops the alpha channel of a data URL and shows what lies under it.
 * @throws {InputError} when the picture cannot be decoded.
 */
export async function withoutTransparency(blob: Blob): Promise<Blob> {
  if (blob.type === 'image/jpeg') return blob;
  const [white, black] = [await decodePixels(blob), await decodePixels(blob, '#000000')];
  if (white.data.every((level, at) => level === black.data[at])) return blob;
  const rgba = new Uint8ClampedArray(white.width * white.height * 4);
  for (let from = 0, to = 0; from < white.data.length; from += 3, to += 4) {
    rgba.set(white.data.subarray(from, from + 3), to);
  }
  return encodePng(rgba, white.width, white.height);
}
