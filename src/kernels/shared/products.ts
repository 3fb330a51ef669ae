/** The two ways to the inside of a matrix product: plain, and through workgroup memory for real GPUs. */
import type { WgslFile } from '../gpu/declare.ts';
import plain from './products.wgsl';
import tiled from './products-tiled.wgsl';

export type ProductMethod = 'plain' | 'tiled';

export const productFile: Readonly<Record<ProductMethod, WgslFile>> = { plain, tiled };

/** Rows and columns per workgroup, as in both files. */
export const TILE = 32;
