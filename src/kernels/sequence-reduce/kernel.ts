/** From token log-probabilities to the sums a preference loss starts from, and back. */
import { defineKernel, read, write } from '../gpu/declare.ts';
import reduce from '../shared/reduce.wgsl';
import forward from './sequence-reduce.wgsl';
import backward from './sequence-reduce-backward.wgsl';

/** Columns of `sums`: policy log-prob, reference log-prob, log-ratio (from token differences), scored tokens. */
export const SUM_COLUMNS = ['policy', 'reference', 'logRatio', 'length'] as const;

/**
 * Sums over the scored tokens of each sequence. Without a reference, bind the policy's log-probabilities twice: the
 * log-ratio is then exactly 0.
 */
export const sequenceReduce = defineKernel({
  name: 'sequence-reduce',
  files: [reduce, forward],
  bindings: {
    policy: read('f32', ['sequences', 'tokens']),
    reference: read('f32', ['sequences', 'tokens']),
    mask: read('u32', ['sequences', 'tokens']),
    sums: write('f32', ['sequences', SUM_COLUMNS.length]),
  },
  params: { tokens: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ sequences }) => [sequences!, 1, 1],
  gradient: 'sequence-reduce-backward',
});

/** Hands each sequence's gradient to its scored tokens. */
export const sequenceReduceBackward = defineKernel({
  name: 'sequence-reduce-backward',
  files: [backward],
  bindings: {
    d_log_ratio: read('f32', ['sequences']),
    mask: read('u32', ['sequences', 'tokens']),
    d_policy: write('f32', ['sequences', 'tokens']),
  },
  params: { sequences: 'u32', tokens: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ sequences, tokens, WORKGROUP_SIZE }) => [Math.ceil(tokens! / WORKGROUP_SIZE!), sequences!, 1],
});
