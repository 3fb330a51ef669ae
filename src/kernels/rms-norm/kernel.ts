import { defineKernel, read, readWrite, write } from '../gpu/declare.ts';
import main from './rms-norm.wgsl';
import backward from './rms-norm-backward.wgsl';

/** Elements of a row that one thread writes, as in the WGSL. */
const OWN = 16;

/**
 * RMSNorm (Zhang & Sennrich 2019, arXiv:1910.07467), as in Llama: no mean is subtracted, no bias. `width` must be a
 * multiple of 4.
 */
export const rmsNorm = defineKernel({
  name: 'rms-norm',
  files: [main],
  bindings: {
    x: read('f32', ['rows', 'width']),
    gain: read('f32', ['width']),
    y: write('f32', ['rows', 'width']),
  },
  params: { width: 'u32', eps: 'f32' },
  constants: { WORKGROUP_SIZE: 32 },
  workgroups: ({ width, rows, WORKGROUP_SIZE }) => [Math.ceil(width / OWN / WORKGROUP_SIZE), rows, 1],
  gradient: 'rms-norm-backward',
});

/** Gradient of `rmsNorm` with respect to x, written or, with `{ ACCUMULATE: 1 }`, added to `dx`. The gain is frozen. */
export const rmsNormBackward = defineKernel({
  name: 'rms-norm-backward',
  files: [backward],
  bindings: {
    x: read('f32', ['rows', 'width']),
    gain: read('f32', ['width']),
    dy: read('f32', ['rows', 'width']),
    dx: readWrite('f32', ['rows', 'width']),
  },
  params: { width: 'u32', eps: 'f32' },
  constants: { WORKGROUP_SIZE: 32, ACCUMULATE: 0 },
  workgroups: ({ width, rows, WORKGROUP_SIZE }) => [Math.ceil(width / OWN / WORKGROUP_SIZE), rows, 1],
});
