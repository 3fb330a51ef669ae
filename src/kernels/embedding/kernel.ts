import { defineKernel, read, write } from '../gpu/declare.ts';
import { formatName, type WeightFormat, weightBinding, weightReader } from '../shared/weights.ts';
import main from './embedding.wgsl';

/** Token embedding: row r of `embeddings` is row `ids[r]` of the table. One kernel per weight format. */
function declare(format: WeightFormat) {
  return defineKernel({
    name: formatName('embedding', format),
    files: [weightReader[format], main],
    bindings: {
      ids: read('u32', ['rows']),
      weights: weightBinding(format, 'vocab'),
      embeddings: write('f32', ['rows', 'width']),
    },
    params: { width: 'u32', vocab: 'u32' },
    constants: { WORKGROUP_SIZE: 64 },
    workgroups: ({ width, rows, WORKGROUP_SIZE }) => [Math.ceil(width / 4 / WORKGROUP_SIZE), rows, 1],
  });
}

export const embedding = { f32: declare('f32'), f16: declare('f16'), bf16: declare('bf16') } as const;
