/** From a file that somebody dropped to a picture worth keeping, or a sentence that says why not. */
import { InputError } from '../errors.ts';
import { HEADER_BYTES, type ImageHeader, MIME_TYPES, readImageHeader } from './image-header.ts';

/** Longest side of a stored picture. No bundled or listed model looks at more. */
export const LONGEST_SIDE = 1024;

/** Largest picture that is decoded: 64 megapixels are 256 MB as pixels. */
export const MOST_PIXELS = 64e6;

const SUPPORTED = 'PNG, JPEG, WebP, AVIF or GIF';

export interface DecodedImage {
  /** SHA-256 of `blob`, hex. */
  readonly id: string;
  readonly blob: Blob;
  readonly width: number;
  readonly height: number;
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
      `Scale it down first: ${LONGEST_SIDE} pixels on the long side are all a model sees.`,
    name,
  );
}

function damaged(name: string, format: string): InputError {
  return new InputError(
    `${name} is damaged: it begins like a ${format.toUpperCase()} file but cannot be decoded.`,
    name,
  );
}

/** Draws the picture at its stored size and encodes it: photographs lossy at high quality, the rest exactly. */
async function encode(bitmap: ImageBitmap, width: number, height: number, header: ImageHeader): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context)
    throw new InputError('The browser gave no canvas to scale the picture with. Close some tabs and try again.');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  const lossy = header.format === 'jpeg' ? 'image/jpeg' : 'image/webp';
  const exact = header.format === 'png' || header.format === 'gif';
  // A browser that cannot write WebP writes PNG instead, which is as good here.
  return canvas.convertToBlob(exact ? { type: 'image/png' } : { type: lossy, quality: 0.93 });
}

/**
 * Decodes a PNG, JPEG, WebP, AVIF or GIF (first frame), upright by its EXIF orientation. Small still pictures keep
 * their bytes; larger ones are scaled to `LONGEST_SIDE`.
 * @throws InputError with a sentence for empty, unknown, damaged and oversized files; oversized ones are refused by
 * their header, before any decoding.
 */
export async function decodeImage(file: Blob, name: string): Promise<DecodedImage> {
  const header = await headerOf(file, name);
  refuseHuge(header, name);
  const typed = file.slice(0, file.size, MIME_TYPES[header.format]);
  const bitmap = await createImageBitmap(typed, { imageOrientation: 'from-image' }).catch(() => {
    throw damaged(name, header.format);
  });
  try {
    refuseHuge({ ...header, size: { width: bitmap.width, height: bitmap.height } }, name);
    const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * scale));
    const height = Math.max(1, Math.round(bitmap.height * scale));
    const keep = scale === 1 && !header.needsReencoding;
    // The bytes are copied: a file on disk may change or go away under the page.
    const blob = keep
      ? new Blob([await typed.arrayBuffer()], { type: typed.type })
      : await encode(bitmap, width, height, header);
    return { id: await contentId(blob), blob, width, height };
  } finally {
    bitmap.close();
  }
}
