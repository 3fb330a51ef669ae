/** Small pictures made on the spot, lossless, so that tests know every pixel. */
import type { ImageInput } from '../../src/engine/engine.ts';

/** A PNG whose pixel (x, y) is `color(x, y)` as [r, g, b] or [r, g, b, a]. */
export async function png(
  width: number,
  height: number,
  color: (x: number, y: number) => readonly number[],
): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  const data = context.createImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r, g, b, a = 255] = color(x, y);
      data.data.set([r, g, b, a], (y * width + x) * 4);
    }
  }
  context.putImageData(data, 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}

/** A picture with an id, as the engine takes it. */
export async function picture(id: string, size = 32, phase = 0): Promise<ImageInput> {
  const blob = await png(size, size, (x, y) => [(x * 8 + phase) & 255, (y * 8) & 255, ((x + y) * 4 + phase) & 255]);
  return { id, blob };
}
