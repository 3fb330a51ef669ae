/** The dispatches that the batch-coupled losses share: the order of the batch, then one lane per pair. */
import { type BindingSpec, defineKernel, type KernelSpec, read, write } from '../gpu/declare.ts';
import type { CoupledObjective } from '../losses/families/coupled.ts';
import { hyperparameterParams } from '../losses/families/description.ts';
import numerics from '../shared/numerics.wgsl';
import reduce from '../shared/reduce.wgsl';
import batch from './batch.wgsl';
import order from './batch-order.wgsl';
import main from './coupled-loss.wgsl';

/** Floats of a row: margins of policy and reference, log-ratios of chosen and rejected. */
export const COUPLED_FLOATS = 4;
/** Floats of `struct PairInBatch`. */
export const COUPLED_LOSS_FLOATS = 3;
/** Pairs per workgroup. */
export const COUPLED_PER_GROUP = 64;

/** Ranks and sorted values of all four columns. */
export const batchOrder = defineKernel({
  name: 'batch-order',
  files: [order],
  bindings: {
    rows: read('f32', ['pairs', COUPLED_FLOATS]),
    ranks: write('u32', ['pairs', COUPLED_FLOATS]),
    sorted: write('f32', ['pairs', COUPLED_FLOATS]),
  },
  params: { pairs: 'u32' },
  constants: { WORKGROUP_SIZE: COUPLED_PER_GROUP },
  workgroups: ({ pairs, WORKGROUP_SIZE }) => [Math.ceil(pairs! / WORKGROUP_SIZE!), 1, 1],
});

const BINDINGS = {
  rows: read('f32', ['pairs', COUPLED_FLOATS]),
  ranks: read('u32', ['pairs', COUPLED_FLOATS]),
  sorted: read('f32', ['pairs', COUPLED_FLOATS]),
  results: write('f32', ['pairs', COUPLED_LOSS_FLOATS]),
  partials: write('f32', ['groups', 1]),
} as const satisfies Record<string, BindingSpec>;

const kernels = new WeakMap<CoupledObjective, KernelSpec<typeof BINDINGS>>();

/** The kernel of one loss; the same object on every call, so that its pipeline is compiled once. */
export function coupledLoss(objective: CoupledObjective): KernelSpec<typeof BINDINGS> {
  const known = kernels.get(objective);
  if (known) return known;
  const kernel = defineKernel({
    name: `coupled-loss/${objective.id}`,
    files: [numerics, batch, reduce, objective.wgsl, main],
    bindings: BINDINGS,
    params: {
      pairs: 'u32',
      count: 'f32',
      reserved_0: 'f32',
      reserved_1: 'f32',
      ...hyperparameterParams(objective),
    },
    constants: { WORKGROUP_SIZE: COUPLED_PER_GROUP },
    workgroups: ({ groups }) => [groups!, 1, 1],
  });
  kernels.set(objective, kernel);
  return kernel;
}
