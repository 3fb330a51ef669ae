import { defineKernel, read, write } from '../gpu/declare.ts';
import { type ProductMethod, placeFile, productFile, productGrid, TILE } from '../shared/products.ts';
import { formatName, type WeightFormat, weightBinding, weightReader } from '../shared/weights.ts';
import backward from './head-logprob-backward.wgsl';
import combine from './head-logprob-combine.wgsl';
import combineWorkgroup from './head-logprob-combine-workgroup.wgsl';
import tiles from './head-logprob-tiles.wgsl';
import join from './join.wgsl';

/** Vocabulary entries per block: few enough to fill a GPU with one answer's tokens. */
export const HEAD_CHUNK = 256;

/** Threads that share a block's entries, as SIDE in shared/products.wgsl: each makes a part. */
const PARTS_PER_CHUNK = 8;

/** First dimension of `partials` and `partial_top`. */
export function headParts(vocab: number): number {
  return Math.ceil(vocab / HEAD_CHUNK) * PARTS_PER_CHUNK;
}

/**
 * Part 1 of the fused head: logits of 32 × 32 at a time, reduced to running softmax sums on the spot,
 * so that [tokens, vocab] never exists. `partials` holds (m, s, t, c) per part and token. `width` must be a
 * multiple of 4 and every target below `vocab`. One kernel per weight format.
 */
function declareTiles(format: WeightFormat, method: ProductMethod) {
  return defineKernel({
    name: formatName(method === 'plain' ? 'head-logprob-tiles' : `head-logprob-tiles-${method}`, format),
    files: [weightReader[format], placeFile[method], productFile[method], join, tiles],
    bindings: {
      x: read('f32', ['tokens', 'width']),
      weights: weightBinding(format, 'vocab'),
      targets: read('u32', ['tokens']),
      partials: write('f32', ['parts', 'tokens', 4]),
      partial_top: write('u32', ['parts', 'tokens']),
      target_logits: write('f32', ['tokens']),
    },
    params: { tokens: 'u32', vocab: 'u32', width: 'u32' },
    constants: { CHUNK: HEAD_CHUNK },
    workgroups: ({ vocab, tokens, CHUNK }) => productGrid(method, tokens, Math.ceil(vocab / CHUNK)),
    gradient: 'head-logprob-backward',
  });
}

const allFormats = (method: ProductMethod) =>
  ({
    f32: declareTiles('f32', method),
    f16: declareTiles('f16', method),
    bf16: declareTiles('bf16', method),
  }) as const;

export const headLogprobTiles = allFormats('plain');

/** Fast path of `headLogprobTiles` on real GPUs: x and W pass through workgroup memory (`fast-paths.ts`). */
export const headLogprobTilesTiled = allFormats('tiled');

/** Part 2 of the fused head: joins the parts into log-probability, entropy (nats), log Σ p², largest probability and its id. */
export const headLogprobCombine = defineKernel({
  name: 'head-logprob-combine',
  files: [join, combine],
  bindings: {
    partials: read('f32', ['parts', 'tokens', 4]),
    partial_top: read('u32', ['parts', 'tokens']),
    target_logits: read('f32', ['tokens']),
    logps: write('f32', ['tokens']),
    entropy: write('f32', ['tokens']),
    top1: write('f32', ['tokens']),
    top_id: write('u32', ['tokens']),
    log_collision: write('f32', ['tokens']),
  },
  params: { parts: 'u32', tokens: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ tokens, WORKGROUP_SIZE }) => [Math.ceil(tokens / WORKGROUP_SIZE), 1, 1],
  gradient: 'head-logprob-backward',
});

/** Fast path of `headLogprobCombine` on real GPUs (`fast-paths.ts`): a workgroup per token instead of a thread. */
export const headLogprobCombineWorkgroup = defineKernel({
  ...headLogprobCombine,
  name: 'head-logprob-combine-workgroup',
  files: [join, combineWorkgroup],
  workgroups: ({ tokens }) => [tokens, 1, 1],
});

/** Most vocabulary entries whose logits' gradients exist at once. */
const SLAB = 4096;

/** Columns of `d_logits`: all entries, or a slab of them; a multiple of 4, as `linear-backward` needs. */
export function headSlab(vocab: number): number {
  return Math.min(SLAB, Math.ceil(vocab / 4) * 4);
}

/**
 * Gradient of the fused head with respect to its logits, for entries first .. first + slab - 1. The caller goes through
 * the vocabulary slab by slab and adds `d_logits` times those rows of W (`linearBackward`) to the gradient of x, so that
 * [tokens, vocab] never exists.
 */
function declareBackward(format: WeightFormat, method: ProductMethod) {
  return defineKernel({
    name: formatName(method === 'plain' ? 'head-logprob-backward' : `head-logprob-backward-${method}`, format),
    files: [weightReader[format], placeFile[method], productFile[method], backward],
    bindings: {
      x: read('f32', ['tokens', 'width']),
      weights: weightBinding(format, 'vocab'),
      targets: read('u32', ['tokens']),
      target_logits: read('f32', ['tokens']),
      logps: read('f32', ['tokens']),
      d_logps: read('f32', ['tokens']),
      d_logits: write('f32', ['tokens', 'slab']),
    },
    params: { tokens: 'u32', vocab: 'u32', width: 'u32', slab: 'u32', first: 'u32' },
    workgroups: ({ slab, tokens }) => productGrid(method, tokens, Math.ceil(slab / TILE)),
  });
}

const backwardFormats = (method: ProductMethod) =>
  ({
    f32: declareBackward('f32', method),
    f16: declareBackward('f16', method),
    bf16: declareBackward('bf16', method),
  }) as const;

export const headLogprobBackward = backwardFormats('plain');

/** Fast path of `headLogprobBackward` on real GPUs (`fast-paths.ts`). */
export const headLogprobBackwardTiled = backwardFormats('tiled');
