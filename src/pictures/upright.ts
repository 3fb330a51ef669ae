/**
 * Which way up a picture is, as Pillow's `ImageOps.exif_transpose` reads it: EXIF of JPEG, WebP and PNG (before or after
 * the pixels, or as ImageMagick's raw profile), else XMP. Browsers read fewer of these and each its own, so they are
 * given bytes without any, and the picture is turned here: the same way for the page and for the models.
 */
import { crc32 } from '../crc32.ts';

/** EXIF orientation: 1 is upright, 2 to 4 are mirrored or upside down, 5 to 8 swap width and height. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Text that unpacks to more is not read, as in Pillow: metadata of this size is no metadata. */
const MOST_TEXT = 1 << 20;

/** A piece of the file that says which way up the picture is. */
interface Found {
  exif?: Uint8Array;
  rawProfile?: string;
  xmp?: string;
}

const latin1 = new TextDecoder('latin1');
const text = (bytes: Uint8Array, from = 0, to = bytes.length): string => latin1.decode(bytes.subarray(from, to));

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function rename(bytes: Uint8Array, at: number, name: string): void {
  for (let i = 0; i < name.length; i++) bytes[at + i] = name.charCodeAt(i);
}

/** Renamed, a chunk is one that no browser knows; its checksum covers the name. */
function renamePngChunk(bytes: Uint8Array, at: number, length: number, name: string): void {
  rename(bytes, at + 4, name);
  viewOf(bytes).setUint32(at + 8 + length, crc32(bytes.subarray(at + 4, at + 8 + length)));
}

/** Inflates at most `MOST_TEXT` bytes; null for more, and for damaged data. */
async function inflateText(bytes: Uint8Array): Promise<Uint8Array | null> {
  const reader = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream('deflate')).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > MOST_TEXT) {
        await reader.cancel();
        return null;
      }
      parts.push(value);
    }
  } catch {
    return null;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Key and text of a tEXt, zTXt or iTXt chunk. */
async function pngText(kind: string, data: Uint8Array): Promise<{ key: string; value: string } | null> {
  const end = data.indexOf(0);
  if (end < 0) return null;
  const key = text(data, 0, end);
  let value = data.subarray(end + 1);
  let compressed = kind === 'zTXt';
  if (kind === 'zTXt') value = value.subarray(1);
  if (kind === 'iTXt') {
    compressed = value[0] === 1;
    const language = value.indexOf(0, 2);
    const translated = language < 0 ? -1 : value.indexOf(0, language + 1);
    if (translated < 0) return null;
    value = value.subarray(translated + 1);
  }
  const plain = compressed ? await inflateText(value) : value;
  return plain && { key, value: text(plain) };
}

async function takePng(bytes: Uint8Array, found: Found): Promise<void> {
  const view = viewOf(bytes);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = text(bytes, at + 4, at + 8);
    if (at + 12 + length > bytes.length) break;
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (kind === 'eXIf') {
      found.exif = data;
      renamePngChunk(bytes, at, length, 'exIf');
    } else if (kind === 'acTL') {
      // Without it the picture is a still one: the image that Pillow reads, which need not be the first of the frames.
      renamePngChunk(bytes, at, length, 'axTL');
    } else if (kind === 'tEXt' || kind === 'zTXt' || kind === 'iTXt') {
      const entry = await pngText(kind, data);
      if (entry?.key === 'XML:com.adobe.xmp') found.xmp = entry.value;
      if (entry?.key === 'Raw profile type exif') found.rawProfile = entry.value;
    }
    at += 12 + length;
  }
}

const XMP_NAME = 'http://ns.adobe.com/xap/1.0/\0';

function takeJpeg(bytes: Uint8Array, found: Found): void {
  const view = viewOf(bytes);
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    if (marker === 0xff || (marker >= 0xd0 && marker <= 0xd8) || marker === 0x01) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) return; // the pixels begin
    const end = at + 2 + view.getUint16(at + 2);
    if (marker === 0xe1 && end <= bytes.length) {
      if (text(bytes, at + 4, at + 10) === 'Exif\0\0') {
        // Long EXIF comes in several segments; the directory is in the first.
        found.exif ??= bytes.subarray(at + 10, end);
        rename(bytes, at + 4, 'exif');
      } else if (text(bytes, at + 4, at + 4 + XMP_NAME.length) === XMP_NAME) {
        found.xmp = text(bytes, at + 4 + XMP_NAME.length, end);
      }
    }
    at = Math.max(end, at + 4);
  }
}

function takeWebp(bytes: Uint8Array, found: Found): void {
  const EXIF_FLAG = 0x08;
  const view = viewOf(bytes);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const kind = text(bytes, at, at + 4);
    const length = view.getUint32(at + 4, true);
    const data = bytes.subarray(at + 8, at + 8 + length);
    if (kind === 'VP8X' && length > 0) bytes[at + 8] &= ~EXIF_FLAG;
    if (kind === 'EXIF') {
      found.exif ??= data;
      rename(bytes, at, 'exif');
    }
    if (kind === 'XMP ') found.xmp ??= text(data);
    at += 8 + length + (length & 1);
  }
}

/** The orientation tag (0x0112) of an EXIF block; null when there is none. */
function orientationTag(exif: Uint8Array): number | null {
  let block = exif;
  for (let i = 0; i < 2 && text(block, 0, 6) === 'Exif\0\0'; i++) block = block.subarray(6);
  const order = text(block, 0, 2);
  if (block.length < 8 || (order !== 'II' && order !== 'MM')) return null;
  const little = order === 'II';
  const view = viewOf(block);
  const directory = view.getUint32(4, little);
  if (directory + 2 > block.length) return null;
  const entries = view.getUint16(directory, little);
  for (let entry = directory + 2, i = 0; i < entries && entry + 12 <= block.length; i++, entry += 12) {
    if (view.getUint16(entry, little) !== 0x0112) continue;
    if (view.getUint32(entry + 4, little) !== 1) return 1; // one value, or none that counts
    const type = view.getUint16(entry + 2, little);
    if (type === 1) return block[entry + 8];
    if (type === 3) return view.getUint16(entry + 8, little);
    if (type === 4) return view.getUint32(entry + 8, little);
    return 1;
  }
  return null;
}

function fromHex(profile: string): Uint8Array {
  const hex = profile.split('\n').slice(3).join('').replace(/\s/g, '');
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/**
 * Tells how a picture must be turned to stand upright, and takes from `bytes` what a browser would turn it by (and what
 * animates a PNG): decoded from what is left, its pixels come as they are stored. AVIF is left alone: its rotation is
 * part of the picture, and browsers and Pillow agree on it.
 * @param bytes the whole file; changed in place.
 */
export async function takeOrientation(bytes: Uint8Array): Promise<Orientation> {
  const found: Found = {};
  if (text(bytes, 1, 4) === 'PNG') await takePng(bytes, found);
  else if (bytes[0] === 0xff && bytes[1] === 0xd8) takeJpeg(bytes, found);
  else if (text(bytes, 0, 4) === 'RIFF' && text(bytes, 8, 12) === 'WEBP') takeWebp(bytes, found);
  const exif = found.exif ?? (found.rawProfile !== undefined ? fromHex(found.rawProfile) : undefined);
  let value = exif ? orientationTag(exif) : null;
  if (value === null) {
    const match = /tiff:Orientation(?:="|>)([0-9])/.exec(found.xmp ?? '');
    value = match ? Number(match[1]) : 1;
  }
  return value >= 1 && value <= 8 ? (value as Orientation) : 1;
}

/** Whether turning swaps width and height. */
export const swapsSides = (orientation: Orientation): boolean => orientation >= 5;
