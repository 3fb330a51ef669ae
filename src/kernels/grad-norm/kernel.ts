/** The global norm of all gradients, for clipping: a reduction in two stages. */
import { defineKernel, read, write } from '../gpu/declare.ts';
import reduce from '../shared/reduce.wgsl';
import finish from './grad-norm.wgsl';
import squares from './sum-of-squares.wgsl';

const WORKGROUP_SIZE = 256;
const MOST_GROUPS = 256;

/** Length of `partials` for that many gradients. */
export function normParts(size: number): number {
  return Math.min(Math.ceil(size / WORKGROUP_SIZE), MOST_GROUPS);
}

/** First stage: one sum of squares per workgroup. */
export const sumOfSquares = defineKernel({
  name: 'sum-of-squares',
  files: [reduce, squares],
  bindings: { gradients: read('f32', ['size']), partials: write('f32', ['groups']) },
  params: { size: 'u32' },
  constants: { WORKGROUP_SIZE },
  workgroups: ({ groups }) => [groups!, 1, 1],
});

/** Second stage: the root of their sum. */
export const gradNorm = defineKernel({
  name: 'grad-norm',
  files: [reduce, finish],
  bindings: { partials: read('f32', ['groups']), norm: write('f32', [1]) },
  params: { groups: 'u32' },
  constants: { WORKGROUP_SIZE },
  workgroups: () => [1, 1, 1],
});
