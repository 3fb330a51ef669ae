/** The dispatch that the unpaired losses share: one lane per judged answer, one pipeline per loss. */
import { type BindingSpec, defineKernel, type KernelSpec, read, write } from '../gpu/declare.ts';
import { hyperparameterParams } from '../losses/families/description.ts';
import type { UnpairedObjective } from '../losses/families/unpaired.ts';
import numerics from '../shared/numerics.wgsl';
import reduce from '../shared/reduce.wgsl';
import example from './example.wgsl';
import main from './unpaired-loss.wgsl';

/** Floats of `struct Example`. */
export const EXAMPLE_FLOATS = 2;
/** Floats of `struct ExampleLoss`. */
export const EXAMPLE_LOSS_FLOATS = 3;
/** Columns of `partials`: loss, mean reward of the wanted, mean reward of the unwanted. */
export const EXAMPLE_PARTIALS = 3;
/** Examples per workgroup. */
export const EXAMPLES_PER_GROUP = 64;

const BINDINGS = {
  rows: read('f32', ['examples', EXAMPLE_FLOATS]),
  results: write('f32', ['examples', EXAMPLE_LOSS_FLOATS]),
  partials: write('f32', ['groups', EXAMPLE_PARTIALS]),
} as const satisfies Record<string, BindingSpec>;

const kernels = new WeakMap<UnpairedObjective, KernelSpec<typeof BINDINGS>>();

/** The kernel of one loss; the same object on every call, so that its pipeline is compiled once. */
export function unpairedLoss(objective: UnpairedObjective): KernelSpec<typeof BINDINGS> {
  const known = kernels.get(objective);
  if (known) return known;
  const kernel = defineKernel({
    name: `unpaired-loss/${objective.id}`,
    files: [numerics, example, reduce, objective.wgsl, main],
    bindings: BINDINGS,
    params: { examples: 'u32', counted: 'f32', wanted: 'f32', unwanted: 'f32', ...hyperparameterParams(objective) },
    constants: { WORKGROUP_SIZE: EXAMPLES_PER_GROUP },
    workgroups: ({ groups }) => [groups!, 1, 1],
  });
  kernels.set(objective, kernel);
  return kernel;
}
