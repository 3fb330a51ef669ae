import { defineKernel, read, write } from '../gpu/declare.ts';
import main from './gather-rows.wgsl';

/** Hidden states of the positions whose next token is wanted; an index may repeat (two answers after one prompt). */
export const gatherRows = defineKernel({
  name: 'gather-rows',
  files: [main],
  bindings: {
    source: read('f32', ['source_rows', 'width']),
    rows: read('u32', ['count']),
    picked: write('f32', ['count', 'width']),
  },
  params: { width: 'u32', source_rows: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ width, count, WORKGROUP_SIZE }) => [Math.ceil(width / WORKGROUP_SIZE), count, 1],
  gradient: 'gather-rows-backward',
});
