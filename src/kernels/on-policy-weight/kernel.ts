import { defineKernel, read, write } from '../gpu/declare.ts';
import reduce from '../shared/reduce.wgsl';
import main from './on-policy-weight.wgsl';

/**
 * How likely the policy itself would have written each answer, token for token (WPO with sampled alignment,
 * arXiv:2406.11827): 1 for an answer as likely as a typical draw, less for a less likely one.
 */
export const onPolicyWeight = defineKernel({
  name: 'on-policy-weight',
  files: [reduce, main],
  bindings: {
    logps: read('f32', ['sequences', 'tokens']),
    log_collision: read('f32', ['sequences', 'tokens']),
    mask: read('u32', ['sequences', 'tokens']),
    weights: write('f32', ['sequences']),
  },
  params: { tokens: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ sequences }) => [sequences!, 1, 1],
});
