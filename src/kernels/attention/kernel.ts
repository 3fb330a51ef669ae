import { defineKernel, read, write } from '../gpu/declare.ts';
import main from './attention.wgsl';

/**
 * Causal grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245) with an online softmax (Milakov & Gimelshein
 * 2018, arXiv:1805.02867). `spans` row (a, b, c, e) says which keys a query sees: a..b-1, then c..e-1. That one form
 * covers whole sequences (0, 0, start, self + 1), answers that share a prompt's rows, and a new token against a
 * key-value cache. The head dimension must be a multiple of 4.
 */
export const attention = defineKernel({
  name: 'attention',
  files: [main],
  bindings: {
    q: read('f32', ['rows', 'query_width']),
    k: read('f32', ['keys', 'key_width']),
    v: read('f32', ['keys', 'key_width']),
    spans: read('u32', ['rows', 4]),
    y: write('f32', ['rows', 'query_width']),
    lse: write('f32', ['rows', 'heads']),
  },
  params: { heads: 'u32', kv_heads: 'u32', head_dim: 'u32' },
  constants: { WORKGROUP_SIZE: 32 },
  workgroups: ({ heads, head_dim, rows, WORKGROUP_SIZE }) => [
    Math.ceil((heads * Math.ceil(head_dim / 16)) / WORKGROUP_SIZE),
    rows,
    1,
  ],
  gradient: 'attention-backward',
});
