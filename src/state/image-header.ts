/**
 * Reads format and size of a picture from its first bytes, before anything is decoded: a file that would take
 * gigabytes as pixels is refused for what its header says.
 */

export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif';

export interface ImageHeader {
  readonly format: ImageFormat;
  /** Pixels as stored, before any EXIF rotation; absent when the header does not tell. */
  readonly size?: { readonly width: number; readonly height: number };
  /** Whether it moves where the page shows it. */
  readonly animated: boolean;
  /** 16-bit greyscale, which Hugging Face's processors clip instead of scaling. */
  readonly grey16?: boolean;
}

/** Enough for the metadata that cameras put before the size in a JPEG. */
export const HEADER_BYTES = 1 << 20;

export const MIME_TYPES: Record<ImageFormat, string> = {
  png: 'image/png',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
};

const ascii = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + length));

function indexOfAscii(bytes: Uint8Array, word: string, from = 0, to = bytes.length): number {
  const codes = [...word].map((letter) => letter.charCodeAt(0));
  for (let at = from; at <= to - codes.length; at++) {
    if (codes.every((code, offset) => bytes[at + offset] === code)) return at;
  }
  return -1;
}

function readPng(bytes: Uint8Array, view: DataView): ImageHeader {
  const known = bytes.length >= 24 && ascii(bytes, 12, 4) === 'IHDR';
  const beforePixels = indexOfAscii(bytes, 'IDAT');
  const end = beforePixels < 0 ? bytes.length : beforePixels;
  return {
    format: 'png',
    size: known ? { width: view.getUint32(16), height: view.getUint32(20) } : undefined,
    animated: indexOfAscii(bytes, 'acTL', 8, end) >= 0,
    grey16: known && bytes[24] === 16 && bytes[25] === 0,
  };
}

/** Walks the segments up to the frame header (SOF), which holds the size. */
function readJpeg(bytes: Uint8Array, view: DataView): ImageHeader {
  let at = 2;
  while (at + 9 < bytes.length) {
    if (bytes[at] !== 0xff) break;
    const marker = bytes[at + 1];
    if (marker === 0xff || (marker >= 0xd0 && marker <= 0xd8) || marker === 0x01) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const length = view.getUint16(at + 2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) {
      const size = { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
      return { format: 'jpeg', size, animated: false };
    }
    if (marker === 0xda) break;
    at += 2 + length;
  }
  return { format: 'jpeg', animated: false };
}

function readWebp(bytes: Uint8Array, view: DataView): ImageHeader {
  const kind = ascii(bytes, 12, 4);
  if (kind === 'VP8X' && bytes.length >= 30) {
    const u24 = (at: number) => bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
    const flags = bytes[20];
    const size = { width: u24(24) + 1, height: u24(27) + 1 };
    return { format: 'webp', size, animated: (flags & 0b10) !== 0 };
  }
  if (kind === 'VP8L' && bytes.length >= 25) {
    const bits = view.getUint32(21, true);
    const size = { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    return { format: 'webp', size, animated: false };
  }
  if (kind === 'VP8 ' && bytes.length >= 30) {
    const size = { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    return { format: 'webp', size, animated: false };
  }
  return { format: 'webp', animated: false };
}

/** The largest of the `ispe` boxes (a picture may come as a grid of tiles, with the whole size beside theirs). */
function readAvif(bytes: Uint8Array, view: DataView): ImageHeader {
  let size: ImageHeader['size'];
  for (let at = indexOfAscii(bytes, 'ispe'); at >= 0; at = indexOfAscii(bytes, 'ispe', at + 4)) {
    if (at + 16 > bytes.length) break;
    const found = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (!size || found.width * found.height > size.width * size.height) size = found;
  }
  return { format: 'avif', size, animated: ascii(bytes, 8, 4) === 'avis' };
}

/** The header of a PNG, JPEG, WebP, GIF or AVIF file, told by its first bytes; null for anything else. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | null {
  if (bytes.length < 4) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) === 0x89504e47) return readPng(bytes, view);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return readJpeg(bytes, view);
  if (ascii(bytes, 0, 4) === 'GIF8') {
    const size = bytes.length >= 10 ? { width: view.getUint16(6, true), height: view.getUint16(8, true) } : undefined;
    return { format: 'gif', size, animated: true };
  }
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'WEBP') return readWebp(bytes, view);
  if (ascii(bytes, 4, 4) === 'ftyp' && /avi[fs]/.test(ascii(bytes, 8, 32))) return readAvif(bytes, view);
  return null;
}
