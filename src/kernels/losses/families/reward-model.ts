/**
 * Losses that train a reward model: they see two scores, and their gradients go into the scores, not into
 * log-probabilities. `families/index.ts` is the list.
 */
import type { HyperparameterValues } from '../objective.ts';
import type { LossDescription, Values } from './description.ts';

/** Scores of two answers to one prompt. */
export interface ScoreRow {
  readonly scoreChosen: number;
  readonly scoreRejected: number;
  /** By how much the chosen answer was called better; 0 where nobody said. */
  readonly margin?: number;
}

/** A row, completed. */
export type ScorePair = Required<ScoreRow>;

export interface ScoreValue {
  readonly loss: number;
  /** Derivatives of `loss` with respect to the two scores. */
  readonly gradients: { readonly chosen: number; readonly rejected: number };
}

export interface RewardModelObjective<K extends string = string> extends LossDescription<K> {
  /** Whether a row needs `margin`. */
  readonly needsMargin?: boolean;
  /** Adds what all pairs share, under a stop-gradient or piecewise constant, under the keys of `prepared`. */
  prepare?(pairs: readonly ScorePair[], h: Values<K>): HyperparameterValues;
  evaluate(pair: ScorePair, h: Values<K>): ScoreValue;
}

/** Identity with inference: `evaluate` sees exactly the keys of `hyperparameters`. */
export function defineRewardModel<K extends string>(objective: RewardModelObjective<K>): RewardModelObjective<K> {
  return objective;
}
