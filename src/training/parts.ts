/**
 * Numbers beyond chosen and rejected that some objectives ask of a sequence, and that follow the policy as it learns:
 * log-ratios of the tokens in which two answers differ, of the tokens by which one is longer, or of the chosen answer's
 * places under another picture; divergences of whole next-token distributions; WPO's weights.
 */
import type { PairRow } from '../engine/engine.ts';
import type { Objective } from '../kernels/losses/objective.ts';
import { changedTokens } from './changed.ts';
import type { ReferenceLogps, TokenizedPair } from './data.ts';

/** What a third sequence of each pair is: see `sequencesOf`. */
export type Third = 'corrupted' | 'noisyArgmax';
type Side = 'chosen' | 'rejected' | Third;

/**
 * What is made of a sequence's tokens: the sum of log-ratios, the sum of KL(reference ‖ policy), or the exponential of
 * the mean of logp - log Σ p².
 */
export type Quantity = 'logRatio' | 'klFromReference' | 'onPolicyWeight';

/** One extra input of an objective, from some tokens of one sequence per pair. */
export interface Part {
  /** Place among the objective's extras. */
  readonly extra: number;
  readonly side: Side;
  readonly quantity: Quantity;
  /** Which of the answer's tokens count. */
  readonly tokens: (pair: TokenizedPair) => readonly boolean[];
  /** Whether the objective takes a gradient through it. */
  readonly gradient: boolean;
}

const all = (ids: readonly number[]): boolean[] => ids.map(() => true);
/** Tokens beyond the other answer's length. */
const tail = (ids: readonly number[], other: readonly number[]): boolean[] => ids.map((_, i) => i >= other.length);

const logRatio = (side: Side, tokens: Part['tokens']) => ({ side, tokens, quantity: 'logRatio' }) as const;
const whole = (side: 'chosen' | 'rejected', quantity: Quantity) =>
  ({ side, quantity, tokens: (pair: TokenizedPair) => all(pair[`${side}Ids`]) }) as const;

const PARTS: Readonly<Record<string, Omit<Part, 'extra' | 'gradient'>>> = {
  chosenChangedLogRatio: logRatio('chosen', (pair) => changedTokens(pair).chosen),
  rejectedChangedLogRatio: logRatio('rejected', (pair) => changedTokens(pair).rejected),
  chosenTailLogRatio: logRatio('chosen', (pair) => tail(pair.chosenIds, pair.rejectedIds)),
  rejectedTailLogRatio: logRatio('rejected', (pair) => tail(pair.rejectedIds, pair.chosenIds)),
  corruptedLogRatio: logRatio('corrupted', (pair) => all(pair.chosenIds)),
  noisyArgmaxLogRatio: logRatio('noisyArgmax', (pair) => all(pair.chosenIds)),
  sequenceKlChosen: whole('chosen', 'klFromReference'),
  sequenceKlRejected: whole('rejected', 'klFromReference'),
  wpoWeightChosen: whole('chosen', 'onPolicyWeight'),
  wpoWeightRejected: whole('rejected', 'onPolicyWeight'),
};

/** The parts that an objective needs; none for most. */
export function partsOf({ extras = [] }: Objective): Part[] {
  return extras.flatMap(({ input, gradient }, extra) =>
    input in PARTS ? [{ ...PARTS[input], extra, gradient: gradient !== undefined }] : [],
  );
}

/** Whether the objective looks at the picture and at a corrupted copy of it. */
export const needsCorrupted = (objective: Objective): boolean => objective.needs.includes('corruptedChosen');

/** Whether the objective asks what the policy would say given a noisy copy of the picture. */
export const needsNoisy = (objective: Objective): boolean => objective.needs.includes('noisyArgmax');

/** The third sequence of each pair, where the objective needs one. */
export function thirdOf(objective: Objective): Third | undefined {
  if (needsCorrupted(objective)) return 'corrupted';
  return needsNoisy(objective) ? 'noisyArgmax' : undefined;
}

const needsQuantity = (objective: Objective, wanted: Quantity): boolean =>
  partsOf(objective).some(({ quantity }) => quantity === wanted);

/** Whether the objective compares whole next-token distributions with the reference's. */
export const needsDivergence = (objective: Objective): boolean => needsQuantity(objective, 'klFromReference');

/** Whether the objective asks how likely the policy itself would have written the answers. */
export const needsOnPolicyWeight = (objective: Objective): boolean => needsQuantity(objective, 'onPolicyWeight');

/** Fields of a pair's row that say which parts there are; numbers that follow the policy are 0 here. */
export function partFields(pair: TokenizedPair, reference: ReferenceLogps | undefined): Partial<PairRow> {
  const count = (tokens: readonly boolean[]) => tokens.filter(Boolean).length;
  return {
    chosenChangedLogRatio: 0,
    rejectedChangedLogRatio: 0,
    chosenChangedLength: count(changedTokens(pair).chosen),
    rejectedChangedLength: count(changedTokens(pair).rejected),
    chosenTailLogRatio: 0,
    rejectedTailLogRatio: 0,
    wpoWeightChosen: 0,
    wpoWeightRejected: 0,
    ...(reference && { sequenceKlChosen: 0, sequenceKlRejected: 0 }),
    ...(pair.corrupted && reference && { corruptedChosen: 0, refCorruptedChosen: 0 }),
    ...(pair.noisy && reference && { noisyArgmax: 0, refNoisyArgmax: 0 }),
  };
}
