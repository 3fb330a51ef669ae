import { defineKernel, read, write } from '../gpu/declare.ts';
import { PAIR_FLOATS } from '../preference-loss/kernel.ts';
import { SUM_COLUMNS } from '../sequence-reduce/kernel.ts';
import pair from '../shared/pair.wgsl';
import main from './pair-rows.wgsl';

/** Rows of the preference loss from the sums of `sequence-reduce`; chosen and rejected alternate. */
export const pairRows = defineKernel({
  name: 'pair-rows',
  files: [pair, main],
  bindings: {
    sums: read('f32', ['sequences', SUM_COLUMNS.length]),
    extras: read('f32', ['pairs', 4]),
    rows: write('f32', ['pairs', PAIR_FLOATS]),
  },
  params: { pairs: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ pairs, WORKGROUP_SIZE }) => [Math.ceil(pairs! / WORKGROUP_SIZE!), 1, 1],
});
