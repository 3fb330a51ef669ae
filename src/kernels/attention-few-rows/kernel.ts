import { attention } from '../attention/kernel.ts';
import { defineKernel } from '../gpu/declare.ts';
import main from './attention-few-rows.wgsl';

/**
 * `attention` for few rows, such as one new token of each answer against a cache: the same bindings and parameters. Each
 * row walks exactly the keys it sees, which may be far from those of the row beside it.
 */
export const attentionFewRows = defineKernel({
  ...attention,
  name: 'attention-few-rows',
  files: [main],
  constants: { WORKGROUP_SIZE: 32 },
  workgroups: ({ rows, heads, WORKGROUP_SIZE }) => [Math.ceil((rows * heads) / WORKGROUP_SIZE), 1, 1],
});
