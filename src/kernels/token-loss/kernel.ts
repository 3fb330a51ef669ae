/** The dispatch that the token losses share: one lane per token of all sampled answers, one pipeline per loss. */
import { type BindingSpec, defineKernel, type KernelSpec, read, write } from '../gpu/declare.ts';
import { hyperparameterParams } from '../losses/families/description.ts';
import type { TokenObjective } from '../losses/families/group.ts';
import numerics from '../shared/numerics.wgsl';
import reduce from '../shared/reduce.wgsl';
import policyRatio from './policy-ratio.wgsl';
import token from './token.wgsl';
import main from './token-loss.wgsl';

/** Floats of `struct Token`. */
export const TOKEN_FLOATS = 8;
/** Floats of `struct TokenLoss`. */
export const TOKEN_LOSS_FLOATS = 4;
/** Columns of `partials`: loss, share of clipped tokens. */
export const TOKEN_PARTIALS = 2;
/** Tokens per workgroup. */
export const TOKENS_PER_GROUP = 64;

const BINDINGS = {
  rows: read('f32', ['tokens', TOKEN_FLOATS]),
  results: write('f32', ['tokens', TOKEN_LOSS_FLOATS]),
  partials: write('f32', ['groups', TOKEN_PARTIALS]),
} as const satisfies Record<string, BindingSpec>;

const kernels = new WeakMap<TokenObjective, KernelSpec<typeof BINDINGS>>();

/** The kernel of one loss; the same object on every call, so that its pipeline is compiled once. */
export function tokenLoss(objective: TokenObjective): KernelSpec<typeof BINDINGS> {
  const known = kernels.get(objective);
  if (known) return known;
  const kernel = defineKernel({
    name: `token-loss/${objective.id}`,
    files: [numerics, token, policyRatio, reduce, objective.wgsl, main],
    bindings: BINDINGS,
    params: {
      tokens: 'u32',
      count: 'f32',
      reserved_0: 'f32',
      reserved_1: 'f32',
      ...hyperparameterParams(objective),
    },
    constants: { WORKGROUP_SIZE: TOKENS_PER_GROUP },
    workgroups: ({ groups }) => [groups!, 1, 1],
  });
  kernels.set(objective, kernel);
  return kernel;
}
