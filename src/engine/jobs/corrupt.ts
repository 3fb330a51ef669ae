/** A picture that no longer shows what the answer speaks of: a small part of it, enlarged (mDPO, arXiv:2406.11839). */
import { decodePixels } from '../../pictures/decode-pixels.ts';
import { Random } from '../../toybox/random.ts';
import type { ImageInput } from '../engine.ts';

/** Largest share of the area that is kept. */
const MOST_KEPT = 0.2;
const LEAST_KEPT = 0.02;

/** Id of the corrupted copy: the same picture always gives the same one. */
export const corruptedId = (image: ImageInput): string => `${image.id}, cropped`;

/**
 * A random crop of 2 to 20 % of the area, in the colours that the model sees; its processor enlarges it.
 * @throws {InputError} for a damaged picture.
 */
export async function corrupted(image: ImageInput): Promise<ImageInput> {
  const { width, height, data } = await decodePixels(image.blob);
  const random = new Random([...image.id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) >>> 0, 7));
  const side = Math.sqrt(LEAST_KEPT + (MOST_KEPT - LEAST_KEPT) * random.next());
  const [w, h] = [Math.max(1, Math.round(side * width)), Math.max(1, Math.round(side * height))];
  const [x, y] = [random.below(width - w + 1), random.below(height - h + 1)];
  const crop = new ImageData(w, h);
  for (let row = 0, to = 0; row < h; row++) {
    let from = ((y + row) * width + x) * 3;
    for (let column = 0; column < w; column++, from += 3, to += 4) {
      crop.data.set(data.subarray(from, from + 3), to);
      crop.data[to + 3] = 255;
    }
  }
  const canvas = new OffscreenCanvas(w, h);
  canvas.getContext('2d', { willReadFrequently: true })!.putImageData(crop, 0, 0);
  return { id: corruptedId(image), blob: await canvas.convertToBlob({ type: 'image/png' }) };
}
