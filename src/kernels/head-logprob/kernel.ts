import { defineKernel, read, write } from '../gpu/declare.ts';
import { formatName, type WeightFormat, weightBinding, weightReader } from '../shared/weights.ts';
import combine from './head-logprob-combine.wgsl';
import tiles from './head-logprob-tiles.wgsl';
import join from './join.wgsl';

/** Tokens per workgroup, as in head-logprob-tiles.wgsl. */
const TILE = 32;

/** Vocabulary entries per workgroup: small enough to fill a GPU with one answer's tokens. */
export const HEAD_CHUNK = 128;

/** First dimension of `partials` and `partial_top`. */
export function headChunks(vocab: number): number {
  return Math.ceil(vocab / HEAD_CHUNK);
}

/**
 * Part 1 of the fused head: logits of 32 tokens × 128 entries at a time, reduced to running softmax sums on the spot,
 * so that [tokens, vocab] never exists. `partials` holds (m, s, t, unused) per chunk and token. `width` must be a
 * multiple of 4 and every target below `vocab`. One kernel per weight format.
 */
function declareTiles(format: WeightFormat) {
  return defineKernel({
    name: formatName('head-logprob-tiles', format),
    files: [weightReader[format], join, tiles],
    bindings: {
      hidden: read('f32', ['tokens', 'width']),
      weights: weightBinding(format, 'vocab'),
      targets: read('u32', ['tokens']),
      partials: write('f32', ['chunks', 'tokens', 4]),
      partial_top: write('u32', ['chunks', 'tokens']),
      target_logits: write('f32', ['tokens']),
    },
    params: { tokens: 'u32', vocab: 'u32', width: 'u32' },
    constants: { CHUNK: HEAD_CHUNK },
    workgroups: ({ vocab, tokens, CHUNK }) => [Math.ceil(vocab / CHUNK), Math.ceil(tokens / TILE), 1],
    gradient: 'head-logprob-backward',
  });
}

export const headLogprobTiles = {
  f32: declareTiles('f32'),
  f16: declareTiles('f16'),
  bf16: declareTiles('bf16'),
} as const;

/** Part 2 of the fused head: joins the chunks into log-probability, entropy (nats), largest probability and its id. */
export const headLogprobCombine = defineKernel({
  name: 'head-logprob-combine',
  files: [join, combine],
  bindings: {
    partials: read('f32', ['chunks', 'tokens', 4]),
    partial_top: read('u32', ['chunks', 'tokens']),
    target_logits: read('f32', ['tokens']),
    logps: write('f32', ['tokens']),
    entropy: write('f32', ['tokens']),
    top1: write('f32', ['tokens']),
    top_id: write('u32', ['tokens']),
  },
  params: { chunks: 'u32', tokens: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ tokens, WORKGROUP_SIZE }) => [Math.ceil(tokens / WORKGROUP_SIZE), 1, 1],
  gradient: 'head-logprob-backward',
});
