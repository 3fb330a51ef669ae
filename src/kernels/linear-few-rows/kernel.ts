import { defineKernel, read, readWrite } from '../gpu/declare.ts';
import { formatName, type WeightFormat, weightBinding, weightReader } from '../shared/weights.ts';
import main from './linear-few-rows.wgsl';

/** Rows of y per thread, as in linear-few-rows.wgsl. */
const ROWS = 4;

/**
 * y = x Wᵀ for few rows: one new token per answer, where reading W is the cost; `{ ACCUMULATE: 1 }` adds to y instead.
 * `width` must be a multiple of 4. A row's result is the same whatever rows are beside it, so an answer does not
 * depend on how many are sampled with it.
 */
function declare(format: WeightFormat) {
  return defineKernel({
    name: formatName('linear-few-rows', format),
    files: [weightReader[format], main],
    bindings: {
      x: read('f32', ['rows', 'width']),
      weights: weightBinding(format, 'out'),
      y: readWrite('f32', ['rows', 'out']),
    },
    params: { rows: 'u32', out: 'u32', width: 'u32' },
    constants: { WORKGROUP_SIZE: 64, ACCUMULATE: 0 },
    workgroups: ({ rows, out, WORKGROUP_SIZE }) => [Math.ceil(out / WORKGROUP_SIZE), Math.ceil(rows / ROWS), 1],
    gradient: 'linear-backward',
  });
}

export const linearFewRows = { f32: declare('f32'), f16: declare('f16'), bf16: declare('bf16') } as const;
