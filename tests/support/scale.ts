import { defineKernel, read, write } from '../../src/kernels/gpu/index.ts';
import scaleWgsl from './scale.wgsl';

/** y = factor * x: see scale.wgsl. */
export const scale = defineKernel({
  name: 'scale',
  files: [scaleWgsl],
  bindings: { x: read('f32', ['n']), y: write('f32', ['n']) },
  params: { n: 'u32', factor: 'f32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ n, WORKGROUP_SIZE }) => {
    const groups = Math.ceil(n! / WORKGROUP_SIZE!);
    const x = Math.min(groups, 65535);
    return [x, Math.ceil(groups / x), 1];
  },
});
