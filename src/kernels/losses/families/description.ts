/** What a loss of any family says about itself: the part of `Objective` that does not speak of pairs. */
import type { Objective } from '../objective.ts';

export type LossDescription<K extends string = string> = Pick<
  Objective<K>,
  'id' | 'label' | 'paper' | 'summary' | 'problems' | 'formula' | 'where' | 'hyperparameters' | 'prepared' | 'wgsl'
>;

/** Hyperparameters of one loss, as `evaluate` reads them. */
export type Values<K extends string = string> = Readonly<Record<K, number>>;

/**
 * Members of `struct Hyperparameters` in `loss.wgsl`, in order: the knobs, then what `prepare` adds. WGSL knows no
 * empty struct, so a loss without either has the one member `none`.
 */
export function hyperparameterMembers({ hyperparameters, prepared = [] }: LossDescription): string[] {
  const members = [...hyperparameters.map((each) => each.key), ...prepared];
  return members.length > 0 ? members : ['none'];
}

/** The same as uniform parameters of a kernel. */
export function hyperparameterParams(loss: LossDescription): Record<string, 'f32'> {
  return Object.fromEntries(hyperparameterMembers(loss).map((key) => [key, 'f32' as const]));
}

/** Their values for `gpu.run`. */
export function hyperparameterValues(loss: LossDescription, values: Values): Record<string, number> {
  return Object.fromEntries(hyperparameterMembers(loss).map((key) => [key, values[key] ?? 0]));
}
