/** A picture that no longer shows what the answer speaks of: a small part of it, enlarged (mDPO, arXiv:2406.11839). */
import { InputError } from '../../errors.ts';
import { Random } from '../../toybox/random.ts';
import type { ImageInput } from '../engine.ts';

/** Largest share of the area that is kept. */
const MOST_KEPT = 0.2;
const LEAST_KEPT = 0.02;

/** Id of the corrupted copy: the same picture always gives the same one. */
export const corruptedId = (image: ImageInput): string => `${image.id}, cropped`;

/** A random crop of 2 to 20 % of the area, at the picture's own size. @throws {InputError} for a damaged picture. */
export async function corrupted(image: ImageInput): Promise<ImageInput> {
  const bitmap = await createImageBitmap(image.blob).catch((cause) => {
    throw new InputError('The picture cannot be decoded.', image.id, { cause });
  });
  try {
    const { width, height } = bitmap;
    const random = new Random([...image.id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) >>> 0, 7));
    const side = Math.sqrt(LEAST_KEPT + (MOST_KEPT - LEAST_KEPT) * random.next());
    const [w, h] = [Math.max(1, Math.round(side * width)), Math.max(1, Math.round(side * height))];
    const [x, y] = [random.below(width - w + 1), random.below(height - h + 1)];
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext('2d')!.drawImage(bitmap, x, y, w, h, 0, 0, width, height);
    return { id: corruptedId(image), blob: await canvas.convertToBlob({ type: 'image/png' }) };
  } finally {
    bitmap.close();
  }
}
