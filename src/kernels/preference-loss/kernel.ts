/**
 * The dispatch that every objective shares: one lane per pair, thousands of pairs at once. Each objective gets its own
 * pipeline (its `loss.wgsl` joined in); hyperparameters are uniforms, so that a slider never compiles anything.
 */
import { type BindingSpec, defineKernel, type KernelSpec, read, write } from '../gpu/declare.ts';
import type { Objective } from '../losses/objective.ts';
import numerics from '../shared/numerics.wgsl';
import pair from '../shared/pair.wgsl';
import reduce from '../shared/reduce.wgsl';
import main from './preference-loss.wgsl';

/** Floats of `struct Pair`: two log-probabilities, two log-ratios, two lengths, four extras. */
export const PAIR_FLOATS = 10;
/** Floats of `struct PairLoss`: loss; rewards chosen, rejected, margin; gradients chosen, rejected, four extras. */
export const RESULT_FLOATS = 10;
/** Columns of `partials`, in order: their sums over workgroups are the batch means. */
export const PARTIAL_COLUMNS = [
  'loss',
  'rewards/chosen',
  'rewards/rejected',
  'rewards/margins',
  'rewards/accuracies',
  'logps/chosen',
  'logps/rejected',
] as const;

/** Pairs per workgroup. */
export const PAIRS_PER_GROUP = 64;

const BINDINGS = {
  rows: read('f32', ['pairs', PAIR_FLOATS]),
  results: write('f32', ['pairs', RESULT_FLOATS]),
  batch_gradients: write('f32', ['pairs', 2]),
  partials: write('f32', ['groups', PARTIAL_COLUMNS.length]),
} as const satisfies Record<string, BindingSpec>;

const kernels = new WeakMap<Objective, KernelSpec<typeof BINDINGS>>();

/** The kernel of one objective; the same object on every call, so that its pipeline is compiled once. */
export function preferenceLoss(objective: Objective): KernelSpec<typeof BINDINGS> {
  const known = kernels.get(objective);
  if (known) return known;
  const hyperparameters = [...objective.hyperparameters.map((each) => each.key), ...(objective.prepared ?? [])];
  const kernel = defineKernel({
    name: `preference-loss/${objective.id}`,
    files: [numerics, pair, reduce, objective.wgsl, main],
    bindings: BINDINGS,
    params: {
      pairs: 'u32',
      nll_weight: 'f32',
      chosen_tokens: 'f32',
      constant: 'f32',
      ...Object.fromEntries(hyperparameters.map((key) => [key, 'f32' as const])),
    },
    constants: { WORKGROUP_SIZE: PAIRS_PER_GROUP },
    workgroups: ({ groups }) => [groups!, 1, 1],
  });
  kernels.set(objective, kernel);
  return kernel;
}
