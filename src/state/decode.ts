/** From a file that somebody dropped to a picture worth keeping, or a sentence that says why not. */
import { InputError } from '../errors.ts';
import { decodePixels } from '../pictures/decode-pixels.ts';
import { type Orientation, swapsSides, takeOrientation } from '../pictures/upright.ts';
import { HEADER_BYTES, type ImageFormat, type ImageHeader, MIME_TYPES, readImageHeader } from './image-header.ts';

/** Longest side that the page shows as it is; larger pictures get a copy to show, or 200 photographs would fill memory. */
export const PREVIEW_SIDE = 1024;

/** Largest picture that is decoded: 64 megapixels are 256 MB as pixels. */
export const MOST_PIXELS = 64e6;

const SUPPORTED = 'PNG, JPEG, WebP, AVIF or GIF';

export interface DecodedImage {
  /** SHA-256 of `blob`, hex. */
  readonly id: string;
  /** The bytes that the model sees: those of the file. */
  readonly blob: Blob;
  /** Upright size in pixels. */
  readonly width: number;
  readonly height: number;
  /** What the page shows instead of a picture that is large, moves, or that not every browser turns upright. */
  readonly preview?: Blob;
  /** What is worth knowing about the picture, as a sentence. */
  readonly caution?: string;
}

/** SHA-256 of the bytes, hex: the identity of a picture. */
export async function contentId(blob: Blob): Promise<string> {
  const bytes = await blob.arrayBuffer();
  // Only pages from https or localhost have SubtleCrypto; elsewhere a random name serves, at the cost of doublets.
  const digest = crypto.subtle
    ? new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
    : crypto.getRandomValues(new Uint8Array(32));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function headerOf(file: Blob, name: string): Promise<ImageHeader> {
  if (file.size === 0) throw new InputError(`${name} is empty (0 bytes), so there is no picture in it.`, name);
  const bytes = await file
    .slice(0, HEADER_BYTES)
    .arrayBuffer()
    .catch(() => null);
  if (!bytes) throw new InputError(`${name} could not be read. Has it been moved, or is it a folder?`, name);
  const header = readImageHeader(new Uint8Array(bytes));
  if (!header) throw new InputError(`${name} is not a picture that Margin reads: ${SUPPORTED}.`, name);
  return header;
}

function refuseHuge(header: ImageHeader, name: string): void {
  if (!header.size) return;
  const { width, height } = header.size;
  if (width * height <= MOST_PIXELS) return;
  const megapixels = Math.round((width * height) / 1e6).toLocaleString('en');
  throw new InputError(
    `${name} has ${width} × ${height} pixels (${megapixels} megapixels); Margin takes up to ${MOST_PIXELS / 1e6}. ` +
      'Scale it down first: the models look at far fewer.',
    name,
  );
}

function damaged(name: string, format: string): InputError {
  return new InputError(
    `${name} is damaged: it begins like a ${format.toUpperCase()} file but cannot be decoded.`,
    name,
  );
}

/** How a picture of `orientation` is drawn upright on a canvas of `width` x `height`. */
function turnedTo(orientation: Orientation, width: number, height: number): DOMMatrix2DInit {
  const mirror = { a: -1, e: width };
  const upsideDown = { d: -1, f: height };
  const swap = { a: 0, b: 1, c: 1, d: 0 };
  const table: Record<Orientation, DOMMatrix2DInit> = {
    1: {},
    2: mirror,
    3: { ...mirror, ...upsideDown },
    4: upsideDown,
    5: swap,
    6: { ...swap, c: -1, e: width },
    7: { ...swap, b: -1, c: -1, e: width, f: height },
    8: { ...swap, b: -1, f: height },
  };
  return table[orientation];
}

/** A small, still and upright copy for the page, in the colours of the screen. */
async function previewOf(bitmap: ImageBitmap, orientation: Orientation, format: ImageFormat): Promise<Blob> {
  const upright = uprightSize(bitmap, orientation);
  const scale = Math.min(1, PREVIEW_SIDE / Math.max(upright.width, upright.height));
  const width = Math.max(1, Math.round(upright.width * scale));
  const height = Math.max(1, Math.round(upright.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context)
    throw new InputError('The browser gave no canvas to scale the picture with. Close some tabs and try again.');
  context.imageSmoothingQuality = 'high';
  context.setTransform(turnedTo(orientation, width, height));
  context.drawImage(
    bitmap,
    0,
    0,
    ...((swapsSides(orientation) ? [height, width] : [width, height]) as [number, number]),
  );
  const exact = format === 'png' || format === 'gif';
  // A browser that cannot write WebP writes PNG instead, which is as good here.
  return canvas.convertToBlob(exact ? { type: 'image/png' } : { type: 'image/webp', quality: 0.9 });
}

function uprightSize({ width, height }: ImageBitmap, orientation: Orientation): { width: number; height: number } {
  return swapsSides(orientation) ? { width: height, height: width } : { width, height };
}

/**
 * Checks that a PNG, JPEG, WebP, AVIF or GIF (first frame) can be decoded and keeps its bytes as they are: the model
 * sees what Python sees in the same file. The page may get a copy to show.
 * @throws InputError with a sentence for empty, unknown, damaged and oversized files; oversized ones are refused by
 * their header, before any decoding.
 */
export async function decodeImage(file: Blob, name: string): Promise<DecodedImage> {
  const header = await headerOf(file, name);
  refuseHuge(header, name);
  const type = MIME_TYPES[header.format];
  // The bytes are copied: a file on disk may change or go away under the page.
  const bytes = new Uint8Array(
    await file.arrayBuffer().catch((cause) => {
      throw new InputError(`${name} could not be read to its end. Has it been moved or changed?`, name, { cause });
    }),
  );
  const blob = new Blob([bytes], { type });
  const orientation = await takeOrientation(bytes);
  const bitmap = await createImageBitmap(new Blob([bytes], { type })).catch(() => {
    throw damaged(name, header.format);
  });
  try {
    const { width, height } = bitmap;
    refuseHuge({ ...header, size: { width, height } }, name);
    if (header.grey16) {
      await decodePixels(blob).catch(() => {
        throw damaged(name, header.format);
      });
    }
    const large = Math.max(width, height) > PREVIEW_SIDE;
    const preview =
      large || header.animated || orientation !== 1 ? await previewOf(bitmap, orientation, header.format) : undefined;
    const caution = header.grey16
      ? `${name} is 16-bit greyscale, of which Hugging Face's processors see only white where it is brighter than 255 of 65,535. The models here see the same; convert it to 8 bits to show them more.`
      : undefined;
    return { id: await contentId(blob), blob, ...uprightSize(bitmap, orientation), preview, caution };
  } finally {
    bitmap.close();
  }
}
