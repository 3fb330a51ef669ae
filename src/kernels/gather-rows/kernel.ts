import { defineKernel, read, write } from '../gpu/declare.ts';
import main from './gather-rows.wgsl';
import backward from './gather-rows-backward.wgsl';

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

/** Gradient of `gatherRows`: a row picked several times gets the sum. `order` and `starts` come from `pickedBy`. */
export const gatherRowsBackward = defineKernel({
  name: 'gather-rows-backward',
  files: [backward],
  bindings: {
    d_picked: read('f32', ['count', 'width']),
    order: read('u32', ['count']),
    starts: read('u32', ['rows_and_end']),
    d_source: write('f32', ['source_rows', 'width']),
  },
  params: { width: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ width, source_rows, WORKGROUP_SIZE }) => [Math.ceil(width / WORKGROUP_SIZE), source_rows, 1],
});

/** Which picks name each source row: those of row r are order[starts[r]] .. order[starts[r + 1] - 1]. */
export function pickedBy(rows: Uint32Array, sourceRows: number): { order: Uint32Array; starts: Uint32Array } {
  const starts = new Uint32Array(sourceRows + 1);
  for (const row of rows) starts[row + 1]++;
  for (let row = 0; row < sourceRows; row++) starts[row + 1] += starts[row];
  const next = starts.slice();
  const order = new Uint32Array(rows.length);
  rows.forEach((row, i) => {
    order[next[row]++] = i;
  });
  return { order, starts };
}
