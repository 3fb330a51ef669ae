/**
 * Losses over answers that the policy sampled itself, several to a prompt, with a reward each. Some weigh every token by
 * its own ratio (`level: 'token'`), some see an answer through sums over its tokens (`level: 'sequence'`), where all
 * tokens of an answer receive one gradient. `families/index.ts` is the list.
 */
import type { LossDescription, Values } from './description.ts';

/** One sampled answer. Arrays hold one number per token, in nats, and have one length. */
export interface Completion {
  /** Token log-probabilities under the policy that is trained. */
  readonly logps: readonly number[];
  /** The same when the answer was sampled; no gradient. Default: `logps`, as in the first step after sampling. */
  readonly oldLogps?: readonly number[];
  /** The same under the frozen reference. */
  readonly refLogps?: readonly number[];
  /** What the answer earned. Nash-MD: the probability that it beats the mixture's answer. */
  readonly reward: number;
  /** PPO's critic: value of each position now (gradient) and when the answer was sampled. */
  readonly values?: readonly number[];
  readonly oldValues?: readonly number[];
  /** Fact-RLHF: tokens without padding (default: all), whether it ended itself (default: 1), what a fact check gave. */
  readonly length?: number;
  readonly hasStop?: number;
  readonly answerBonus?: number;
}

/** Answers in order of their prompts: `groupSize` to each. */
export interface GroupBatch {
  readonly groupSize: number;
  readonly completions: readonly Completion[];
}

export type CompletionInput = 'oldLogps' | 'refLogps' | 'values' | 'oldValues';

interface GroupDescription<K extends string> extends LossDescription<K> {
  /** Arrays a completion cannot do without. */
  readonly needs: readonly CompletionInput[];
  /** Smallest group it can work with, with the reason; `exact` where no other size will do. */
  readonly group: { readonly size: number; readonly exact?: boolean; readonly reason: string };
  /** A sentence why this batch cannot be used, or `undefined`. */
  refuseBatch?(batch: GroupBatch): string | undefined;
}

/** One token as a token loss sees it. What a loss does not use is 0. */
export interface TokenRow {
  readonly logp: number;
  readonly oldLogp: number;
  readonly refLogp: number;
  /** How much better than expected the answer (or this token) was; no gradient. */
  readonly advantage: number;
  /** The token's share of the mean: the batch loss is the sum over tokens of weight times loss. */
  readonly weight: number;
  readonly value: number;
  readonly oldValue: number;
  readonly valueTarget: number;
}

export interface TokenValue {
  readonly loss: number;
  /** Derivatives of `loss` with respect to `logp` and to `value`. */
  readonly gradient: number;
  readonly valueGradient: number;
  /** 1 where the ratio's clip holds the token's gradient back. */
  readonly clipped: number;
}

/** What a token loss makes of rewards before the pass over the tokens: per completion, per token. */
export interface TokenStatistics {
  readonly advantages: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
  readonly valueTargets?: readonly (readonly number[])[];
}

export interface TokenObjective<K extends string = string> extends GroupDescription<K> {
  readonly level: 'token';
  /** True where part of the loss stands under a stop-gradient, so that its value means nothing and only its gradient does. */
  readonly surrogate?: boolean;
  /** Advantages and weights from rewards: nothing here depends on the policy that is trained. */
  statistics(batch: GroupBatch, h: Values<K>): TokenStatistics;
  evaluate(token: TokenRow, h: Values<K>): TokenValue;
}

/** One answer as a sequence loss sees it. */
export interface SequenceRow {
  /** Sum of the policy's token log-probabilities. */
  readonly logp: number;
  /** Log-ratio against `ratioTo`, from token differences; 0 where the loss has none. */
  readonly logRatio: number;
  readonly length: number;
  /** What the answer earned, as `signals` gives it; no gradient. */
  readonly signal: number;
}

export interface SequenceValue {
  readonly loss: number;
  /** Derivative of the *group's* loss with respect to each token log-probability of this answer. */
  readonly gradient: number;
}

export interface SequenceObjective<K extends string = string> extends GroupDescription<K> {
  readonly level: 'sequence';
  /** What the log-ratio is taken against. */
  readonly ratioTo?: 'old' | 'reference';
  /** The batch loss is `scale` times the sum over answers: 1 / answers, or 1 / prompts, or 1. */
  scale(batch: GroupBatch): number;
  /** The number each answer is judged by: its reward, an advantage, a share. */
  signals(batch: GroupBatch, h: Values<K>): readonly number[];
  /** Loss and gradient of answer `index` in its group. */
  evaluate(group: readonly SequenceRow[], index: number, h: Values<K>): SequenceValue;
}

export type GroupObjective = TokenObjective | SequenceObjective;

/** Identity with inference: `evaluate` sees exactly the keys of `hyperparameters`. */
export function defineTokenLoss<K extends string>(objective: TokenObjective<K>): TokenObjective<K> {
  return objective;
}

/** Identity with inference: `evaluate` sees exactly the keys of `hyperparameters`. */
export function defineSequenceLoss<K extends string>(objective: SequenceObjective<K>): SequenceObjective<K> {
  return objective;
}
