import { defineKernel, read, write } from '../gpu/declare.ts';
import numerics from '../shared/numerics.wgsl';
import main from './swiglu.wgsl';
import backward from './swiglu-backward.wgsl';

/** SwiGLU (Shazeer 2020, arXiv:2002.05202): silu(gate) · up, where one linear made [gate | up] side by side. */
export const swiglu = defineKernel({
  name: 'swiglu',
  files: [main],
  bindings: {
    gate_up: read('f32', ['rows', 'double_inner']),
    y: write('f32', ['rows', 'inner']),
  },
  params: { inner: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ inner, rows, WORKGROUP_SIZE }) => [Math.ceil(inner / WORKGROUP_SIZE), rows, 1],
  gradient: 'swiglu-backward',
});

/** Gradients of `swiglu` with respect to gate and up, side by side. */
export const swigluBackward = defineKernel({
  name: 'swiglu-backward',
  files: [numerics, backward],
  bindings: {
    gate_up: read('f32', ['rows', 'double_inner']),
    dy: read('f32', ['rows', 'inner']),
    d_gate_up: write('f32', ['rows', 'double_inner']),
  },
  params: { inner: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ inner, rows, WORKGROUP_SIZE }) => [Math.ceil(inner / WORKGROUP_SIZE), rows, 1],
});
