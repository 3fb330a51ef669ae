import { defineKernel, read, readWrite } from '../gpu/declare.ts';
import main from './scatter-rows.wgsl';

/** Visual tokens take the rows of `target_buffer` where the prompt has image tokens; `rows` must be distinct. */
export const scatterRows = defineKernel({
  name: 'scatter-rows',
  files: [main],
  bindings: {
    source: read('f32', ['count', 'width']),
    rows: read('u32', ['count']),
    target_buffer: readWrite('f32', ['target_rows', 'width']),
  },
  params: { width: 'u32', target_rows: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ width, count, WORKGROUP_SIZE }) => [Math.ceil(width / WORKGROUP_SIZE), count, 1],
  gradient: 'gather-rows',
});
