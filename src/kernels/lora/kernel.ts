/**
 * LoRA (Hu et al. 2021, arXiv:2106.09685) on one matrix product y = x Wᵀ, whose W may be several layers packed below
 * each other. Slice s of y's columns has its own A and B; the A lie below each other in one matrix [slices · rank, width],
 * and so do the B [out, rank], one row per column of y.
 *
 *   forward    u = x Aᵀ (linear),                 y += scale · u Bᵀ (lora-up)
 *   backward   du = scale · dy B (lora-up-backward), dB += scale · dyᵀ u and dA += duᵀ x (lora-gradient),
 *              dx += du A (linear-backward)
 *
 * With dropout every slice has an x of its own, copies side by side [rows, slices · width] (`lora-dropout`). Then u and the
 * gradients of A and of the copies are the same sums over slices of u: lora-up with A as its B, lora-gradient, and
 * lora-up-backward.
 */
import { defineKernel, read, readWrite, write } from '../gpu/declare.ts';
import gradient from './lora-gradient.wgsl';
import up from './lora-up.wgsl';
import upBackward from './lora-up-backward.wgsl';

/** Rows of y per thread, as in lora-up.wgsl. */
const ROWS = 4;
/** More workgroups than this are not needed to fill a GPU; WebGPU allows 65,535. */
const MOST_GROUPS = 32_768;

export const loraUp = defineKernel({
  name: 'lora-up',
  files: [up],
  bindings: {
    u: read('f32', ['rows', 'stacked']),
    b: read('f32', ['out', 'rank']),
    slices: read('u32', ['slice_count', 2]),
    y: readWrite('f32', ['rows', 'out']),
  },
  params: { rows: 'u32', out: 'u32', rank: 'u32', stacked: 'u32', slice_count: 'u32', scale: 'f32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ rows, out, WORKGROUP_SIZE }) => [Math.ceil(out / WORKGROUP_SIZE), Math.ceil(rows / ROWS), 1],
  gradient: 'lora-up-backward',
});

/** Gradient of `loraUp` with respect to u. */
export const loraUpBackward = defineKernel({
  name: 'lora-up-backward',
  files: [upBackward],
  bindings: {
    dy: read('f32', ['rows', 'out']),
    b: read('f32', ['out', 'rank']),
    slices: read('u32', ['slice_count', 2]),
    du: write('f32', ['rows', 'stacked']),
  },
  params: { rows: 'u32', out: 'u32', rank: 'u32', stacked: 'u32', scale: 'f32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ rows, stacked, WORKGROUP_SIZE }) => [
    Math.min(Math.ceil((rows * stacked) / 4 / WORKGROUP_SIZE), MOST_GROUPS),
    1,
    1,
  ],
});

/** Gradient with respect to B (dy, u, the product's slices, scale) or A (du, x, one slice of all lines, scale 1). */
export const loraGradient = defineKernel({
  name: 'lora-gradient',
  files: [gradient],
  bindings: {
    dy: read('f32', ['rows', 'out']),
    x: read('f32', ['rows', 'x_width']),
    slices: read('u32', ['slice_count', 2]),
    dw: readWrite('f32', ['out', 'width']),
  },
  params: { rows: 'u32', out: 'u32', width: 'u32', slice_count: 'u32', scale: 'f32' },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ out, width, WORKGROUP_SIZE }) => [Math.ceil((out * width) / 16 / WORKGROUP_SIZE), 1, 1],
});
