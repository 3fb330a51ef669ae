/** The dispatch that the reward-model losses share: one lane per pair of scores, one pipeline per loss. */
import { type BindingSpec, defineKernel, type KernelSpec, read, write } from '../gpu/declare.ts';
import { hyperparameterParams } from '../losses/families/description.ts';
import type { RewardModelObjective } from '../losses/families/reward-model.ts';
import numerics from '../shared/numerics.wgsl';
import reduce from '../shared/reduce.wgsl';
import main from './reward-model-loss.wgsl';
import pair from './score-pair.wgsl';

/** Floats of `struct ScorePair`, of `struct ScoreLoss`, and columns of `partials` (loss, accuracy, margin). */
export const SCORE_FLOATS = 3;
/** Pairs per workgroup. */
export const SCORES_PER_GROUP = 64;

const BINDINGS = {
  rows: read('f32', ['pairs', SCORE_FLOATS]),
  results: write('f32', ['pairs', SCORE_FLOATS]),
  partials: write('f32', ['groups', SCORE_FLOATS]),
} as const satisfies Record<string, BindingSpec>;

const kernels = new WeakMap<RewardModelObjective, KernelSpec<typeof BINDINGS>>();

/** The kernel of one loss; the same object on every call, so that its pipeline is compiled once. */
export function rewardModelLoss(objective: RewardModelObjective): KernelSpec<typeof BINDINGS> {
  const known = kernels.get(objective);
  if (known) return known;
  const kernel = defineKernel({
    name: `reward-model-loss/${objective.id}`,
    files: [numerics, pair, reduce, objective.wgsl, main],
    bindings: BINDINGS,
    params: {
      pairs: 'u32',
      count: 'f32',
      reserved_0: 'f32',
      reserved_1: 'f32',
      ...hyperparameterParams(objective),
    },
    constants: { WORKGROUP_SIZE: SCORES_PER_GROUP },
    workgroups: ({ groups }) => [groups!, 1, 1],
  });
  kernels.set(objective, kernel);
  return kernel;
}
