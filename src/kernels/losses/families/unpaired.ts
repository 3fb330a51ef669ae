/**
 * Losses over single answers that are each called good or bad, without a partner: what they are told of one answer and
 * what they make of it. `families/index.ts` is the list.
 */
import type { HyperparameterValues } from '../objective.ts';
import type { LossDescription, Values } from './description.ts';

/** One judged answer (or, for FDPO, one judged segment), in nats. Log-ratios go before differences of sums. */
export interface ExampleRow {
  /** 1 wanted, 0 unwanted. FDPO also knows 2 and more: a segment that is neither, and does not count. */
  readonly label: number;
  /** The policy's summed log-probability, and the reference's; `logRatio` stands in for both. */
  readonly logp?: number;
  readonly refLogp?: number;
  readonly logRatio?: number;
  /** The same of a mismatched answer under this prompt: the neighbour's, in KTO's KL estimate. */
  readonly mismatchedLogp?: number;
  readonly refMismatchedLogp?: number;
  readonly mismatchedLogRatio?: number;
}

/** A row, completed: `mismatchedLogRatio` is NaN where the row has none. */
export interface Example {
  readonly label: number;
  readonly logRatio: number;
  readonly mismatchedLogRatio: number;
}

export interface ExampleValue {
  readonly loss: number;
  readonly reward: number;
  /** Derivative of `loss` with respect to the policy's summed log-probability of the answer. */
  readonly gradient: number;
}

export interface UnpairedObjective<K extends string = string> extends LossDescription<K> {
  /** True where a row needs the log-ratio of a mismatched answer. */
  readonly needsMismatched?: boolean;
  /** True where an example is a segment of an answer instead of the whole. */
  readonly segments?: boolean;
  /** Whether an example enters the mean; by default, all do, and every label is 0 or 1. */
  counts?(example: Example): boolean;
  /** A sentence why these examples cannot be used together, or `undefined`. */
  refuseBatch?(examples: readonly Example[]): string | undefined;
  /** Adds what all examples share, under a stop-gradient, under the keys of `prepared`. */
  prepare?(examples: readonly Example[], h: Values<K>): HyperparameterValues;
  /**
   * What a run hands from one batch to the next, as hyperparameters of the next batch.
   * @param h as `prepare` gives them; a run starts with the hyperparameters themselves and no examples.
   */
  carry?(h: Values<K>, examples: readonly Example[]): HyperparameterValues;
  evaluate(example: Example, h: Values<K>): ExampleValue;
}

/** Identity with inference: `evaluate` sees exactly the keys of `hyperparameters`. */
export function defineUnpaired<K extends string>(objective: UnpairedObjective<K>): UnpairedObjective<K> {
  return objective;
}
