/**
 * 16-bit greyscale PNG, the one kind of picture that a browser's decoder reads otherwise than Pillow: Pillow clips the
 * 16-bit values at 255 instead of scaling them (mode `I;16` to `RGB`), so that nearly everything is white to the model.
 * Adapters go to Python and back: what is right is what the model gets there.
 */
import { InputError } from '../errors.ts';
import type { RgbImage } from './rgb-image.ts';

/** Start and step of the seven passes of an interlaced PNG: x, y, dx, dy. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Whether the file is a PNG of 16-bit greyscale without alpha. */
export function isGrey16(bytes: Uint8Array): boolean {
  return bytes.length > 28 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[24] === 16 && bytes[25] === 0;
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** Undoes the filter of one scanline of two-byte pixels in place. */
function unfilter(filter: number, row: Uint8Array, above: Uint8Array): void {
  for (let i = 0; i < row.length; i++) {
    const left = i < 2 ? 0 : row[i - 2];
    const up = above[i];
    if (filter === 1) row[i] += left;
    else if (filter === 2) row[i] += up;
    else if (filter === 3) row[i] += (left + up) >> 1;
    else if (filter === 4) row[i] += paeth(left, up, i < 2 ? 0 : above[i - 2]);
  }
}

/** The scanlines of all passes, one after the other; no more than `size` bytes. */
async function scanlines(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x49444154) parts.push(bytes.slice(at + 8, at + 8 + view.getUint32(at)));
  }
  const rows = new Uint8Array(size);
  const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream('deflate')).getReader();
  let filled = 0;
  while (filled < size) {
    const { done, value } = await reader.read();
    if (done) throw new Error('too few pixels');
    rows.set(value.subarray(0, size - filled), filled);
    filled += Math.min(value.length, size - filled);
  }
  await reader.cancel();
  return rows;
}

/**
 * Pixels of a 16-bit greyscale PNG as Pillow makes them RGB: values above 255 are white.
 * @throws {InputError} when the pixels are damaged.
 */
export async function decodeGrey16(bytes: Uint8Array): Promise<RgbImage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const passes = (bytes[28] === 1 ? ADAM7 : [[0, 0, 1, 1] as const])
    .map(([x, y, dx, dy]) => ({
      x,
      y,
      dx,
      dy,
      columns: Math.ceil((width - x) / dx),
      rows: Math.ceil((height - y) / dy),
    }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const size = passes.reduce((sum, { columns, rows }) => sum + rows * (1 + columns * 2), 0);
  const lines = await scanlines(bytes, size).catch((cause) => {
    throw new InputError('This picture is damaged: its pixels cannot be unpacked.', 'image', { cause });
  });
  const data = new Uint8Array(width * height * 3);
  let at = 0;
  for (const { x, y, dx, dy, columns, rows } of passes) {
    let above: Uint8Array = new Uint8Array(columns * 2);
    for (let row = 0; row < rows; row++, at += 1 + columns * 2) {
      const line = lines.subarray(at + 1, at + 1 + columns * 2);
      unfilter(lines[at], line, above);
      above = line;
      for (let column = 0; column < columns; column++) {
        const grey = line[column * 2] > 0 ? 255 : line[column * 2 + 1];
        const to = ((y + row * dy) * width + x + column * dx) * 3;
        data.fill(grey, to, to + 3);
      }
    }
  }
  return { width, height, data };
}
