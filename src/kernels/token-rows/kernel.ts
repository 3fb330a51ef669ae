/** From token log-probabilities to the rows of a token loss, and its gradient back. */
import { defineKernel, read, write } from '../gpu/declare.ts';
import { TOKEN_FLOATS, TOKEN_LOSS_FLOATS } from '../token-loss/kernel.ts';
import token from '../token-loss/token.wgsl';
import forward from './token-rows.wgsl';
import backward from './token-rows-backward.wgsl';

/** What is fixed about a token: every member of `struct Token` but the policy's log-probability. */
export const TOKEN_FACTS = TOKEN_FLOATS - 1;

/** Rows of `token-loss` from log-probabilities that never left the GPU. */
export const tokenRows = defineKernel({
  name: 'token-rows',
  files: [token, forward],
  bindings: {
    logps: read('f32', ['tokens']),
    facts: read('f32', ['tokens', TOKEN_FACTS]),
    rows: write('f32', ['tokens', TOKEN_FLOATS]),
  },
  params: { tokens: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ tokens, WORKGROUP_SIZE }) => [Math.ceil(tokens! / WORKGROUP_SIZE!), 1, 1],
  gradient: 'token-rows-backward',
});

/** The gradients of every token's log-probability and value, out of the results of `token-loss`. */
export const tokenRowsBackward = defineKernel({
  name: 'token-rows-backward',
  files: [token, backward],
  bindings: {
    results: read('f32', ['tokens', TOKEN_LOSS_FLOATS]),
    d_logps: write('f32', ['tokens']),
    d_values: write('f32', ['tokens']),
  },
  params: { tokens: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ tokens, WORKGROUP_SIZE }) => [Math.ceil(tokens! / WORKGROUP_SIZE!), 1, 1],
});
