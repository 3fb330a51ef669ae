import { defineKernel, read, write } from '../gpu/declare.ts';
import main from './rms-norm.wgsl';

/** RMSNorm (Zhang & Sennrich 2019, arXiv:1910.07467), as in Llama: no mean is subtracted, no bias. */
export const rmsNorm = defineKernel({
  name: 'rms-norm',
  files: [main],
  bindings: {
    x: read('f32', ['rows', 'width']),
    gain: read('f32', ['width']),
    y: write('f32', ['rows', 'width']),
  },
  params: { width: 'u32', eps: 'f32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ rows }) => [rows, 1, 1],
  gradient: 'rms-norm-backward',
});
