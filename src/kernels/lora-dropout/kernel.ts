/**
 * Dropout (Srivastava et al. 2014) before the A of a LoRA adapter, as PEFT's `lora_dropout` has it:
 * y = W x + (α / r) B A dropout(x). Layers that share an input (q, k and v; gate and up) drop elements of their own, so x
 * becomes as many copies as there are slices. Masks are hashes of places (`dropout-mask.wgsl`): the backward pass makes
 * them again, and so does a layer that is computed a second time.
 */
import { defineKernel, read, readWrite, write } from '../gpu/declare.ts';
import mask from './dropout-mask.wgsl';
import main from './lora-dropout.wgsl';
import backward from './lora-dropout-backward.wgsl';
import { hashOf } from './pcg.ts';

const params = { slices: 'u32', width: 'u32', key: 'u32', threshold: 'u32', scale: 'f32' } as const;

export const loraDropout = defineKernel({
  name: 'lora-dropout',
  files: [mask, main],
  bindings: { x: read('f32', ['rows', 'width']), y: write('f32', ['rows', 'slices', 'width']) },
  params,
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ rows, slices, width, WORKGROUP_SIZE }) => [Math.ceil(width / 4 / WORKGROUP_SIZE), rows, slices],
  gradient: 'lora-dropout-backward',
});

/** Gradient of `loraDropout` with respect to x, which is added. */
export const loraDropoutBackward = defineKernel({
  name: 'lora-dropout-backward',
  files: [mask, backward],
  bindings: { dy: read('f32', ['rows', 'slices', 'width']), dx: readWrite('f32', ['rows', 'width']) },
  params,
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ rows, width, WORKGROUP_SIZE }) => [Math.ceil(width / 4 / WORKGROUP_SIZE), rows, 1],
});

/** Which masks a training pass draws. */
export interface DropoutMasks {
  /** Share of the elements that become 0, at least 0 and below 1. */
  readonly p: number;
  /** u32; see `dropoutKey`. */
  readonly key: number;
}

/** A key of its own for every seed, step (from 0) and micro-batch of the step (from 0). */
export const dropoutKey = (seed: number, step: number, microBatch: number): number => hashOf([seed, step, microBatch]);

/** What the kernels take for one product of one layer; `product` is any number that tells a layer's products apart. */
export function dropoutParams({ p, key }: DropoutMasks, layer: number, product: number) {
  // p · 2^32 rounds to 2^32 for a p next to 1.
  const threshold = Math.min(Math.round(p * 2 ** 32), 2 ** 32 - 1);
  return { key: hashOf([key, layer, product]), threshold, scale: 1 / (1 - p) };
}
