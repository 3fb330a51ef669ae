import { defineKernel, read, readWrite } from '../gpu/declare.ts';
import { type ProductMethod, placeFile, productFile, productGrid, TILE } from '../shared/products.ts';
import { formatName, type WeightFormat, weightBinding, weightReader } from '../shared/weights.ts';
import main from './linear.wgsl';
import backwardPlain from './linear-backward.wgsl';
import backwardTiled from './linear-backward-tiled.wgsl';

/**
 * y = x Wᵀ for many rows, with W [out, width] as Hugging Face stores it; `{ ACCUMULATE: 1 }` adds to y instead.
 * `width` must be a multiple of 4. One kernel per weight format.
 */
function declare(format: WeightFormat, method: ProductMethod) {
  return defineKernel({
    name: formatName(method === 'plain' ? 'linear' : `linear-${method}`, format),
    files: [weightReader[format], placeFile[method], productFile[method], main],
    bindings: {
      x: read('f32', ['rows', 'width']),
      weights: weightBinding(format, 'out'),
      y: readWrite('f32', ['rows', 'out']),
    },
    params: { rows: 'u32', out: 'u32', width: 'u32' },
    constants: { ACCUMULATE: 0 },
    workgroups: ({ rows, out }) => productGrid(method, rows, Math.ceil(out / TILE)),
    gradient: 'linear-backward',
  });
}

const allFormats = (method: ProductMethod) =>
  ({ f32: declare('f32', method), f16: declare('f16', method), bf16: declare('bf16', method) }) as const;

export const linear = allFormats('plain');

/** Fast path of `linear` on real GPUs: x and W pass through workgroup memory (`fast-paths.ts`). */
export const linearTiled = allFormats('tiled');

/**
 * Gradient of `linear` with respect to x: dx = dy W, with W [weight_rows, width] as for the forward product and dy
 * [rows, out]; `{ ACCUMULATE: 1 }` adds to dx. `first` is the row of W that belongs to dy's first column: 0, or a part
 * of the vocabulary. `out` and `width` must be multiples of 4. One kernel per weight format.
 */
function declareBackward(format: WeightFormat, method: ProductMethod) {
  return defineKernel({
    name: formatName(method === 'plain' ? 'linear-backward' : `linear-backward-${method}`, format),
    files: [weightReader[format], ...(method === 'plain' ? [placeFile.plain, backwardPlain] : [backwardTiled])],
    bindings: {
      dy: read('f32', ['rows', 'out']),
      weights: weightBinding(format, 'weight_rows'),
      dx: readWrite('f32', ['rows', 'width']),
    },
    params: { rows: 'u32', out: 'u32', width: 'u32', weight_rows: 'u32', first: 'u32' },
    constants: { ACCUMULATE: 0 },
    workgroups: ({ rows, width }) => productGrid(method, rows, Math.ceil(width / TILE)),
  });
}

const backwardFormats = (method: ProductMethod) =>
  ({
    f32: declareBackward('f32', method),
    f16: declareBackward('f16', method),
    bf16: declareBackward('bf16', method),
  }) as const;

export const linearBackward = backwardFormats('plain');

/** Fast path of `linearBackward` on real GPUs: dy and W pass through workgroup memory (`fast-paths.ts`). */
export const linearBackwardTiled = backwardFormats('tiled');
