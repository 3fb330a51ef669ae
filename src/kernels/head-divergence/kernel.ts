import { defineKernel, read, write } from '../gpu/declare.ts';
import { HEAD_CHUNK } from '../head-logprob/kernel.ts';
import numerics from '../shared/numerics.wgsl';
import { placeFile, productFile, productGrid, TILE } from '../shared/products.ts';
import { formatName, type WeightFormat, weightBinding, weightReader } from '../shared/weights.ts';
import backward from './head-divergence-backward.wgsl';
import combine from './head-divergence-combine.wgsl';
import tiles from './head-divergence-tiles.wgsl';
import moments from './moments.wgsl';

/**
 * Part 1 of the divergence between the policy's and the reference's next-token distributions: both models' logits from
 * the same head, 32 × 32 at a time, reduced to running sums on the spot, so that [tokens, vocab] exists for neither.
 * `x` holds the policy's hidden states, then the reference's; `parts` is `headParts(vocab)`; `width` must be a multiple
 * of 4. One kernel per weight format.
 */
function declareTiles(format: WeightFormat) {
  return defineKernel({
    name: formatName('head-divergence-tiles', format),
    files: [weightReader[format], placeFile.plain, productFile.plain, moments, tiles],
    bindings: {
      x: read('f32', [2, 'tokens', 'width']),
      weights: weightBinding(format, 'vocab'),
      partials: write('f32', ['parts', 'tokens', 2, 4]),
    },
    params: { tokens: 'u32', vocab: 'u32', width: 'u32' },
    constants: { CHUNK: HEAD_CHUNK },
    workgroups: ({ vocab, tokens, CHUNK }) => productGrid('plain', tokens, Math.ceil(vocab / CHUNK)),
    gradient: 'head-divergence-backward',
  });
}

export const headDivergenceTiles = {
  f32: declareTiles('f32'),
  f16: declareTiles('f16'),
  bf16: declareTiles('bf16'),
} as const;

/**
 * Part 2 of the divergence: joins the parts into KL(policy ‖ reference) and KL(reference ‖ policy) per token, in nats,
 * and both log-sum-exps, which the backward pass needs. Exact sums over the vocabulary, no estimate from samples.
 */
export const headDivergenceCombine = defineKernel({
  name: 'head-divergence-combine',
  files: [numerics, moments, combine],
  bindings: {
    partials: read('f32', ['parts', 'tokens', 2, 4]),
    kl_to_reference: write('f32', ['tokens']),
    kl_from_reference: write('f32', ['tokens']),
    lse: write('f32', [2, 'tokens']),
  },
  params: { parts: 'u32', tokens: 'u32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ tokens }) => [tokens, 1, 1],
  gradient: 'head-divergence-backward',
});

/**
 * Gradient of log-probabilities and of KL(reference ‖ policy) with respect to the policy's logits, for entries
 * first .. first + slab - 1: what `headLogprobBackward` is, for objectives that read the divergence too. The reference
 * is frozen and receives none. `slab` is `headSlab(vocab)`.
 */
function declareBackward(format: WeightFormat) {
  return defineKernel({
    name: formatName('head-divergence-backward', format),
    files: [weightReader[format], placeFile.plain, productFile.plain, backward],
    bindings: {
      x: read('f32', [2, 'tokens', 'width']),
      weights: weightBinding(format, 'vocab'),
      targets: read('u32', ['tokens']),
      lse: read('f32', [2, 'tokens']),
      d_logps: read('f32', ['tokens']),
      d_kl: read('f32', ['tokens']),
      d_logits: write('f32', ['tokens', 'slab']),
    },
    params: { tokens: 'u32', vocab: 'u32', width: 'u32', slab: 'u32', first: 'u32' },
    workgroups: ({ slab, tokens }) => productGrid('plain', tokens, Math.ceil(slab / TILE)),
  });
}

export const headDivergenceBackward = {
  f32: declareBackward('f32'),
  f16: declareBackward('f16'),
  bf16: declareBackward('bf16'),
} as const;
