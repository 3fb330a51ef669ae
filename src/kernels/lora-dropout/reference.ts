/** Plain loops in float64, over the same integer hashes: what the shaders are held against. */
import { pcg } from './pcg.ts';

export interface DropoutShape {
  readonly rows: number;
  readonly slices: number;
  readonly width: number;
  readonly key: number;
  readonly threshold: number;
  readonly scale: number;
}

/** 1 for what is kept and 0 for what is dropped, [rows, slices, width]. */
export function dropoutMask({ rows, slices, width, key, threshold }: Omit<DropoutShape, 'scale'>): Uint8Array {
  const mask = new Uint8Array(rows * slices * width);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let slice = 0; slice < slices; slice++) {
      const rowKey = pcg(pcg((key + slice) >>> 0) + row);
      for (let i = 0; i < width; i++) mask[at++] = pcg(rowKey + i) >= threshold ? 1 : 0;
    }
  }
  return mask;
}

/** x [rows, width] -> [rows, slices, width]. */
export function loraDropoutReference(x: ArrayLike<number>, shape: DropoutShape): Float64Array {
  const { slices, width, scale } = shape;
  return Float64Array.from(dropoutMask(shape), (kept, at) => {
    const row = Math.floor(at / (slices * width));
    return kept * scale * x[row * width + (at % width)];
  });
}

/** start [rows, width] + the gradient of x from that of the copies, [rows, slices, width]. */
export function loraDropoutBackwardReference(
  dy: ArrayLike<number>,
  start: ArrayLike<number>,
  shape: DropoutShape,
): Float64Array {
  const { slices, width, scale } = shape;
  const dx = Float64Array.from(start);
  dropoutMask(shape).forEach((kept, at) => {
    const row = Math.floor(at / (slices * width));
    dx[row * width + (at % width)] += kept * scale * dy[at];
  });
  return dx;
}
