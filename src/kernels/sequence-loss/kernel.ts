/** The dispatch that the sequence losses share: one lane per sampled answer, one pipeline per loss. */
import { type BindingSpec, defineKernel, type KernelSpec, read, write } from '../gpu/declare.ts';
import { hyperparameterParams } from '../losses/families/description.ts';
import type { SequenceObjective } from '../losses/families/group.ts';
import numerics from '../shared/numerics.wgsl';
import reduce from '../shared/reduce.wgsl';
import policyRatio from '../token-loss/policy-ratio.wgsl';
import token from '../token-loss/token.wgsl';
import answer from './answer.wgsl';
import main from './sequence-loss.wgsl';

/** Floats of `struct Answer`. */
export const ANSWER_FLOATS = 4;
/** Floats of `struct AnswerLoss`. */
export const ANSWER_LOSS_FLOATS = 2;
/** Answers per workgroup. */
export const ANSWERS_PER_GROUP = 64;

const BINDINGS = {
  rows: read('f32', ['answers', ANSWER_FLOATS]),
  results: write('f32', ['answers', ANSWER_LOSS_FLOATS]),
  partials: write('f32', ['groups', 1]),
} as const satisfies Record<string, BindingSpec>;

const kernels = new WeakMap<SequenceObjective, KernelSpec<typeof BINDINGS>>();

/** The kernel of one loss; the same object on every call, so that its pipeline is compiled once. */
export function sequenceLoss(objective: SequenceObjective): KernelSpec<typeof BINDINGS> {
  const known = kernels.get(objective);
  if (known) return known;
  const kernel = defineKernel({
    name: `sequence-loss/${objective.id}`,
    files: [numerics, token, policyRatio, answer, reduce, objective.wgsl, main],
    bindings: BINDINGS,
    params: {
      answers: 'u32',
      group_size: 'u32',
      scale: 'f32',
      reserved: 'f32',
      ...hyperparameterParams(objective),
    },
    constants: { WORKGROUP_SIZE: ANSWERS_PER_GROUP },
    workgroups: ({ groups }) => [groups!, 1, 1],
  });
  kernels.set(objective, kernel);
  return kernel;
}
