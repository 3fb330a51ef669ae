import { defineKernel, read, readWrite } from '../gpu/declare.ts';
import { formatName, type WeightFormat, weightBinding, weightReader } from '../shared/weights.ts';
import main from './linear.wgsl';

/** Rows and columns of y per workgroup, as in linear.wgsl. */
const TILE = 32;

/**
 * y = x Wᵀ for many rows, with W [out, width] as Hugging Face stores it; `{ ACCUMULATE: 1 }` adds to y instead.
 * `width` must be a multiple of 4. One kernel per weight format.
 */
function declare(format: WeightFormat) {
  return defineKernel({
    name: formatName('linear', format),
    files: [weightReader[format], main],
    bindings: {
      x: read('f32', ['rows', 'width']),
      weights: weightBinding(format, 'out'),
      y: readWrite('f32', ['rows', 'out']),
    },
    params: { rows: 'u32', out: 'u32', width: 'u32' },
    constants: { ACCUMULATE: 0 },
    workgroups: ({ rows, out }) => [Math.ceil(out / TILE), Math.ceil(rows / TILE), 1],
    gradient: 'linear-backward',
  });
}

export const linear = { f32: declare('f32'), f16: declare('f16'), bf16: declare('bf16') } as const;
