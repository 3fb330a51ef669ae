import { attentionBackwardKey, attentionBackwardQuery } from '../attention/kernel.ts';
import { defineKernel } from '../gpu/declare.ts';
import mainKey from './attention-backward-key-workgroup.wgsl';
import mainQuery from './attention-backward-query-workgroup.wgsl';
import pairTile from './pair-tile.wgsl';

/** Rows, or keys, per workgroup, as in pair-tile.wgsl. */
const TILE = 16;

const params = { rows: 'u32', keys: 'u32', heads: 'u32', kv_heads: 'u32', head_dim: 'u32' } as const;

/**
 * Fast path of `attentionBackwardQuery` on real GPUs (`fast-paths.ts`): the tiling of FlashAttention-2's backward pass
 * (Dao 2023, arXiv:2307.08691, algorithm 2). A workgroup computes the probabilities and score gradients of 16 × 16
 * pairs once, in workgroup memory, and all its threads use them. Head dimension at most 128.
 */
export const attentionBackwardQueryWorkgroup = defineKernel({
  ...attentionBackwardQuery,
  name: 'attention-backward-query-workgroup',
  files: [pairTile, mainQuery],
  params,
  constants: {},
  workgroups: ({ rows, heads }) => [Math.ceil(rows / TILE), heads, 1],
});

/**
 * Fast path of `attentionBackwardKey`, likewise. The query's part is a dispatch of its own and computes each score once
 * more: adding to dq from here, as FlashAttention-2 does, takes float atomics, which WGSL has not.
 */
export const attentionBackwardKeyWorkgroup = defineKernel({
  ...attentionBackwardKey,
  name: 'attention-backward-key-workgroup',
  files: [pairTile, mainKey],
  params,
  constants: {},
  workgroups: ({ keys, kv_heads }) => [Math.ceil(keys / TILE), kv_heads, 1],
});
