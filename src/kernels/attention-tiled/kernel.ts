import { attention, attentionBackwardKey, attentionBackwardQuery } from '../attention/kernel.ts';
import spans from '../attention/spans.wgsl';
import { defineKernel } from '../gpu/declare.ts';
import backwardKey from './attention-backward-key-tiled.wgsl';
import backwardQuery from './attention-backward-query-tiled.wgsl';
import forward from './attention-tiled.wgsl';
import pairs from './pairs.wgsl';
import tile from './tile.wgsl';

/** Rows, or keys, per workgroup, as in tile.wgsl. */
const TILE = 16;

const params = { rows: 'u32', keys: 'u32', heads: 'u32', kv_heads: 'u32', head_dim: 'u32' } as const;

/**
 * Fast path of `attention` on real GPUs (`fast-paths.ts`): the tiling of FlashAttention-2 (Dao 2023, arXiv:2307.08691,
 * algorithm 1). A workgroup computes the scores of 16 × 16 pairs of a row and a key once, in workgroup memory, and all its
 * threads use them. Head dimension at most 128.
 */
export const attentionTiled = defineKernel({
  ...attention,
  name: 'attention-tiled',
  files: [spans, tile, forward],
  params,
  constants: {},
  workgroups: ({ rows, heads }) => [Math.ceil(rows / TILE), heads, 1],
});

/** Fast path of `attentionBackwardQuery`, likewise (algorithm 2): probabilities and score gradients once per pair. */
export const attentionBackwardQueryTiled = defineKernel({
  ...attentionBackwardQuery,
  name: 'attention-backward-query-tiled',
  files: [spans, tile, pairs, backwardQuery],
  params,
  constants: {},
  workgroups: ({ rows, heads }) => [Math.ceil(rows / TILE), heads, 1],
});

/**
 * Fast path of `attentionBackwardKey`, likewise. The queries' part is a dispatch of its own and computes each score once
 * more: adding to dq from here, as FlashAttention-2 does, takes float atomics, which WGSL has not.
 */
export const attentionBackwardKeyTiled = defineKernel({
  ...attentionBackwardKey,
  name: 'attention-backward-key-tiled',
  files: [spans, tile, pairs, backwardKey],
  params,
  constants: {},
  workgroups: ({ keys, kv_heads }) => [Math.ceil(keys / TILE), kv_heads, 1],
});
