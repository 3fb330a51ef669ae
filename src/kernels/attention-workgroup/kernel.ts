import { attentionFewRows } from '../attention-few-rows/kernel.ts';
import { defineKernel } from '../gpu/declare.ts';
import main from './attention-workgroup.wgsl';

/**
 * Fast path of `attentionFewRows` on real GPUs (`fast-paths.ts`): the same bindings, with a workgroup per (head, row)
 * whose threads share the keys, so that one new token against a long cache still fills the GPU. Head dimension at most
 * 128.
 */
export const attentionWorkgroup = defineKernel({
  ...attentionFewRows,
  name: 'attention-workgroup',
  files: [main],
  params: { heads: 'u32', kv_heads: 'u32', head_dim: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ heads, rows }) => [heads, rows, 1],
});
