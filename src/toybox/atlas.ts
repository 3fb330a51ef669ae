/**
 * The sprite atlas: every noun in each of its styles and sizes, as straight
 * (not premultiplied) RGBA.
 *
 * File layout, after zlib: `u32` length of a JSON header (little endian), the
 * header, then one block per entry in header order. A block holds the planes
 * R, G, B, A one after the other; each value is stored as its difference to the
 * value above it, which compresses well. A canvas is never involved, since
 * browsers round colours under partial transparency.
 */
import type { Style } from './nouns.ts';

export type Sprite = { size: number; rgba: Uint8ClampedArray };
export type Atlas = { sprite(noun: string, style: Style, size: number): Sprite };

type AtlasHeader = { entries: { noun: string; style: Style; size: number }[] };

const keyOf = (noun: string, style: string, size: number) => `${noun}/${style}/${size}`;

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const copy = new Uint8Array(bytes); // a view of its own: Blob rejects shared memory
  const stream = new Blob([copy]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Undoes the planar difference coding of one block. */
function decodeBlock(block: Uint8Array, size: number): Uint8ClampedArray {
  const area = size * size;
  const rgba = new Uint8ClampedArray(area * 4);
  for (let channel = 0; channel < 4; channel++) {
    for (let i = 0; i < area; i++) {
      const above = i < size ? 0 : rgba[(i - size) * 4 + channel];
      rgba[i * 4 + channel] = (block[channel * area + i] + above) & 255;
    }
  }
  return rgba;
}

/** Reads the bytes of `sprites/atlas.bin`. */
export async function loadAtlas(bytes: Uint8Array | ArrayBuffer): Promise<Atlas> {
  const data = await inflate(new Uint8Array(bytes as ArrayBuffer));
  const headerLength = new DataView(data.buffer).getUint32(0, true);
  const header: AtlasHeader = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + headerLength)));
  const sprites = new Map<string, Sprite>();
  let offset = 4 + headerLength;
  for (const { noun, style, size } of header.entries) {
    const length = size * size * 4;
    const rgba = decodeBlock(data.subarray(offset, offset + length), size);
    sprites.set(keyOf(noun, style, size), { size, rgba });
    offset += length;
  }
  return {
    sprite(noun, style, size) {
      const found = sprites.get(keyOf(noun, style, size));
      if (!found) throw new RangeError(`the atlas has no ${size} px "${noun}" in style ${style}`);
      return found;
    },
  };
}
