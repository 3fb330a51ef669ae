import { defineKernel, read, readWrite } from '../gpu/declare.ts';
import main from './adamw.wgsl';

/** Workgroups of one dispatch; a thread takes several elements of a larger adapter. */
const MOST_GROUPS = 16_384;

/**
 * One step of AdamW with decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), in place, over a flat
 * buffer. The moments start at zero.
 */
export const adamw = defineKernel({
  name: 'adamw',
  files: [main],
  bindings: {
    parameters: readWrite('f32', ['size']),
    gradients: read('f32', ['size']),
    first_moments: readWrite('f32', ['size']),
    second_moments: readWrite('f32', ['size']),
  },
  params: {
    size: 'u32',
    gradient_scale: 'f32',
    learning_rate: 'f32',
    beta1: 'f32',
    beta2: 'f32',
    epsilon: 'f32',
    weight_decay: 'f32',
    correction1: 'f32',
    correction2: 'f32',
  },
  constants: { WORKGROUP_SIZE: 64 },
  workgroups: ({ size, WORKGROUP_SIZE }) => [Math.min(Math.ceil(size! / WORKGROUP_SIZE!), MOST_GROUPS), 1, 1],
});

/** The `correction` parameters of a step, counted from 1. */
export function biasCorrections(beta1: number, beta2: number, step: number) {
  return { correction1: 1 - beta1 ** step, correction2: 1 - beta2 ** step };
}
