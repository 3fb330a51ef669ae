/**
 * Losses over pairs in which the pairs of a batch act on one another inside the gradient: by sorting, or by a mean that
 * is differentiated. `families/index.ts` is the list.
 */
import type { LossDescription, Values } from './description.ts';

/** A pair as these losses see it, in nats; differences are taken in float64. */
export interface CoupledPair {
  /** chosen minus rejected, under the policy and under the reference. */
  readonly policyMargin: number;
  readonly referenceMargin: number;
  readonly chosenLogRatio: number;
  readonly rejectedLogRatio: number;
}

export interface CoupledValue {
  /** The pair's share: the batch loss is the mean of these. */
  readonly loss: number;
  /** Derivatives of the *batch* loss with respect to the policy's summed log-probabilities. */
  readonly gradients: { readonly chosen: number; readonly rejected: number };
}

export interface CoupledObjective<K extends string = string> extends LossDescription<K> {
  evaluate(pairs: readonly CoupledPair[], h: Values<K>): CoupledValue[];
}

/** Identity with inference: `evaluate` sees exactly the keys of `hyperparameters`. */
export function defineCoupled<K extends string>(objective: CoupledObjective<K>): CoupledObjective<K> {
  return objective;
}

/** Positions of the values in ascending order: `order[rank]` is an index. The earlier of equals comes first. */
export const ascending = (values: readonly number[]): number[] =>
  values.map((_, index) => index).sort((a, b) => values[a] - values[b] || a - b);

/** Rank of each value: the inverse of `ascending`. */
export function ranks(values: readonly number[]): number[] {
  const result = new Array<number>(values.length);
  ascending(values).forEach((index, rank) => {
    result[index] = rank;
  });
  return result;
}
