/** Files made byte by byte: headers that lie, metadata that turns, pictures the browser encodes itself. */

const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
const u16be = (value: number): number[] => [value >> 8, value & 255];
const u32be = (value: number): number[] => [...u16be(value >>> 16), ...u16be(value & 0xffff)];
const u16le = (value: number): number[] => [value & 255, value >> 8];

/** The first bytes of a PNG of this size, and nothing behind them. */
export function pngHeader(width: number, height: number): Uint8Array<ArrayBuffer> {
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  return new Uint8Array([
    ...signature,
    ...u32be(13),
    ...ascii('IHDR'),
    ...u32be(width),
    ...u32be(height),
    8,
    2,
    0,
    0,
    0,
  ]);
}

/** A JPEG up to its frame header, with an application segment before it as cameras write one. */
export function jpegHeader(width: number, height: number): Uint8Array<ArrayBuffer> {
  const app = [0xff, 0xe0, ...u16be(16), ...ascii('JFIF'), 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];
  const frame = [0xff, 0xc2, ...u16be(17), 8, ...u16be(height), ...u16be(width), 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
  return new Uint8Array([0xff, 0xd8, ...app, ...frame]);
}

export function gifHeader(width: number, height: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([...ascii('GIF89a'), ...u16le(width), ...u16le(height), 0, 0, 0]);
}

/** An extended WebP header (VP8X) with its flags. */
export function webpHeader(width: number, height: number, flags = 0): Uint8Array<ArrayBuffer> {
  const u24le = (value: number) => [value & 255, (value >> 8) & 255, value >> 16];
  const body = [...ascii('WEBPVP8X'), 10, 0, 0, 0, flags, 0, 0, 0, ...u24le(width - 1), ...u24le(height - 1)];
  return new Uint8Array([...ascii('RIFF'), 0, 0, 0, 0, ...body]);
}

/** An AVIF's file type and one size box. */
export function avifHeader(width: number, height: number): Uint8Array<ArrayBuffer> {
  const type = [...u32be(20), ...ascii('ftypavif'), 0, 0, 0, 0, ...ascii('mif1')];
  const size = [...u32be(20), ...ascii('ispe'), 0, 0, 0, 0, ...u32be(width), ...u32be(height)];
  return new Uint8Array([...type, ...size]);
}

/** A two-frame GIF of 2 × 1 pixels: the first frame red, the second blue. */
export function animatedGif(): Uint8Array<ArrayBuffer> {
  const frame = (index: number) => [
    ...[0x21, 0xf9, 4, 0, 10, 0, 0, 0], // graphic control: 100 ms
    ...[0x2c, 0, 0, 0, 0, 2, 0, 1, 0, 0],
    // LZW with 2-bit codes: clear, pixel, pixel, end
    ...(index === 0 ? [2, 2, 0x04, 0x0a, 0] : [2, 2, 0x4c, 0x0a, 0]),
  ];
  return new Uint8Array([
    ...ascii('GIF89a'),
    ...[2, 0, 1, 0, 0x80, 0, 0],
    ...[255, 0, 0, 0, 0, 255],
    ...frame(0),
    ...frame(1),
    0x3b,
  ]);
}

/** The JPEG with an EXIF orientation put behind its first two bytes. */
export async function withOrientation(jpeg: Blob, orientation: number): Promise<Blob> {
  const tiff = [...ascii('MM'), 0, 42, ...u32be(8), ...u16be(1), ...u16be(0x0112), ...u16be(3), ...u32be(1)];
  const exif = [...ascii('Exif'), 0, 0, ...tiff, ...u16be(orientation), 0, 0, ...u32be(0)];
  const segment = new Uint8Array([0xff, 0xe1, ...u16be(exif.length + 2), ...exif]);
  return new Blob([jpeg.slice(0, 2), segment, jpeg.slice(2)], { type: 'image/jpeg' });
}

/** A picture with a red left half and a blue right half, as the browser encodes it. */
export async function twoHalves(width: number, height: number, type: string): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.fillStyle = 'red';
  context.fillRect(0, 0, width / 2, height);
  context.fillStyle = 'blue';
  context.fillRect(width / 2, 0, width / 2, height);
  return canvas.convertToBlob({ type, quality: 0.95 });
}

/** The pixel of a picture at (x, y), as red, green, blue. */
export async function pixelAt(blob: Blob, x: number, y: number): Promise<[number, number, number]> {
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d')!;
  context.drawImage(bitmap, 0, 0);
  const [r, g, b] = context.getImageData(x, y, 1, 1).data;
  return [r, g, b];
}

/** A 24 × 12 AVIF, red on the left and blue on the right; browsers read AVIF but do not write it. */
export function avifHalves(): Blob {
  return new Blob([Uint8Array.from(atob(AVIF), (letter) => letter.charCodeAt(0))], { type: 'image/avif' });
}

const AVIF =
  'AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAA' +
  'AAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAKgAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtp' +
  'cGNvAAAAFGlzcGUAAAAAAAAAGAAAAAwAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEA' +
  'AQQBAoMEAAAAMm1kYXQSAAoJGBDvbRAQ0GhAMhtEgf39qkAggg+QAACuvb8meeIAEPsRWeDlQUA=';
