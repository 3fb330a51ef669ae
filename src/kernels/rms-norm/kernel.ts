import { defineKernel, read, write } from '../gpu/declare.ts';
import main from './rms-norm.wgsl';

/** Elements of a row that one thread writes, as in rms-norm.wgsl. */
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
