import { defineKernel, read, write } from '../gpu/declare.ts';
import main from './attention.wgsl';
import backwardKey from './attention-backward-key.wgsl';
import backwardQuery from './attention-backward-query.wgsl';
import stats from './attention-backward-stats.wgsl';
import spans from './spans.wgsl';

/** Workgroups for one thread per four lines of every head. */
const fours = (lines: number, heads: number, workgroupSize: number): [number, number, number] => [
  Math.ceil((Math.ceil(lines / 4) * heads) / workgroupSize),
  1,
  1,
];

/**
 * Causal grouped-query attention (Ainslie et al. 2023, arXiv:2305.13245) with an online softmax (Milakov & Gimelshein
 * 2018, arXiv:1805.02867). `spans` row (a, b, c, e) says which keys a query sees: a..b-1, then c..e-1. That one form
 * covers whole sequences (0, 0, start, self + 1), answers that share a prompt's rows, and a new token against a
 * key-value cache. The head dimension must be a multiple of 4, at most 128.
 */
export const attention = defineKernel({
  name: 'attention',
  files: [spans, main],
  bindings: {
    q: read('f32', ['rows', 'query_width']),
    k: read('f32', ['keys', 'key_width']),
    v: read('f32', ['keys', 'key_width']),
    spans: read('u32', ['rows', 4]),
    y: write('f32', ['rows', 'query_width']),
    lse: write('f32', ['rows', 'heads']),
  },
  params: { rows: 'u32', heads: 'u32', kv_heads: 'u32', head_dim: 'u32' },
  constants: { WORKGROUP_SIZE: 8 },
  workgroups: ({ rows, heads, WORKGROUP_SIZE }) => fours(rows, heads, WORKGROUP_SIZE),
  gradient: 'attention-backward-query',
});

/** Part 1 of the gradient of `attention`: what the other parts need of each row's softmax. */
export const attentionBackwardStats = defineKernel({
  name: 'attention-backward-stats',
  files: [stats],
  bindings: {
    y: read('f32', ['rows', 'query_width']),
    dy: read('f32', ['rows', 'query_width']),
    lse: read('f32', ['rows', 'heads']),
    stats: write('f32', ['rows', 'heads', 2]),
  },
  params: { rows: 'u32', heads: 'u32', head_dim: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ rows, heads, WORKGROUP_SIZE }) => [Math.ceil((rows * heads) / WORKGROUP_SIZE), 1, 1],
});

/** Part 2: gradient of the queries. The softmax is computed again from its log-sum-exp; nothing is [rows, keys]. */
export const attentionBackwardQuery = defineKernel({
  name: 'attention-backward-query',
  files: [spans, backwardQuery],
  bindings: {
    q: read('f32', ['rows', 'query_width']),
    k: read('f32', ['keys', 'key_width']),
    v: read('f32', ['keys', 'key_width']),
    spans: read('u32', ['rows', 4]),
    stats: read('f32', ['rows', 'heads', 2]),
    dy: read('f32', ['rows', 'query_width']),
    dq: write('f32', ['rows', 'query_width']),
  },
  params: { rows: 'u32', heads: 'u32', kv_heads: 'u32', head_dim: 'u32' },
  constants: { WORKGROUP_SIZE: 8 },
  workgroups: ({ rows, heads, WORKGROUP_SIZE }) => fours(rows, heads, WORKGROUP_SIZE),
});

/** Part 3: gradients of keys and values, summed over the query heads that share them. `seen_by` comes from `seenBy`. */
export const attentionBackwardKey = defineKernel({
  name: 'attention-backward-key',
  files: [spans, backwardKey],
  bindings: {
    q: read('f32', ['rows', 'query_width']),
    k: read('f32', ['keys', 'key_width']),
    v: read('f32', ['keys', 'key_width']),
    spans: read('u32', ['rows', 4]),
    seen_by: read('u32', ['keys', 2]),
    stats: read('f32', ['rows', 'heads', 2]),
    dy: read('f32', ['rows', 'query_width']),
    d_kv: write('f32', ['keys', 'both_widths']),
  },
  params: { rows: 'u32', keys: 'u32', heads: 'u32', kv_heads: 'u32', head_dim: 'u32' },
  constants: { WORKGROUP_SIZE: 8 },
  workgroups: ({ keys, kv_heads, WORKGROUP_SIZE }) => fours(keys, kv_heads, WORKGROUP_SIZE),
});

/** u32 [keys, 2]: first and one past the last of the rows whose spans hold a key; (0, 0) for a key that none sees. */
export function seenBy(spans: Uint32Array, keys: number): Uint32Array {
  const seen = new Uint32Array(keys * 2);
  for (let row = 0; row < spans.length / 4; row++) {
    const [a, b, c, e] = spans.subarray(row * 4, row * 4 + 4);
    for (const [from, to] of [
      [a, b],
      [c, e],
    ]) {
      for (let key = from; key < to; key++) {
        if (seen[key * 2 + 1] === 0) seen[key * 2] = row;
        seen[key * 2 + 1] = row + 1;
      }
    }
  }
  return seen;
}
