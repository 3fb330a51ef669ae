/** The two ways to the inside of a matrix product: plain, and through workgroup memory for real GPUs. */
import type { WgslFile } from '../gpu/declare.ts';
import places from './places.wgsl';
import placesTiled from './places-tiled.wgsl';
import plain from './products.wgsl';
import tiled from './products-tiled.wgsl';

export type ProductMethod = 'plain' | 'tiled';

export const productFile: Readonly<Record<ProductMethod, WgslFile>> = { plain, tiled };

/** Which rows and columns a thread takes, for kernels whose rows may be few; `productGrid` is its other half. */
export const placeFile: Readonly<Record<ProductMethod, WgslFile>> = { plain: places, tiled: placesTiled };

/** Rows and columns per workgroup, as in both files; also the columns of a block, where a kernel has no other. */
export const TILE = 32;

/** Threads per side of a workgroup, and rows per thread. */
const SIDE = 8;
const ROWS_PER_THREAD = 4;

/**
 * Workgroups for `rows` rows and `blocks` blocks of columns, as `rows_of` and `block_of` share them out: the plain way
 * gives a workgroup more blocks where the rows do not fill its 32.
 */
export function productGrid(method: ProductMethod, rows: number, blocks: number): [number, number, number] {
  let threads = SIDE;
  while (method === 'plain' && threads > 1 && rows <= (ROWS_PER_THREAD * threads) / 2) threads /= 2;
  return [Math.ceil(blocks / (SIDE / threads)), Math.ceil(rows / (ROWS_PER_THREAD * threads)), 1];
}
