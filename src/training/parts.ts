/**
 * Numbers beyond chosen and rejected that some objectives ask of a sequence, and that follow the policy as it learns:
 * log-ratios of the tokens in which two answers differ, of the tokens by which one is longer, or of the chosen answer's
 * places under another picture; divergences of whole next-token distributions; WPO's weights.
 */
import type { PairRow } from '../engine/engine.ts';
import type { PairInputs } from '../kernels/losses/inputs.ts';
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

/** A pair as far as its tokens go. */
export type PairTokens = Pick<TokenizedPair, 'promptIds' | 'chosenIds' | 'rejectedIds'>;

/** One extra input of an objective, from some tokens of one sequence per pair. */
export interface Part {
  /** Place among the objective's extras, and its name in a pair's row. */
  readonly extra: number;
  readonly input: keyof PairInputs;
  readonly side: Side;
  readonly quantity: Quantity;
  /** Which of the answer's tokens count. */
  readonly tokens: (pair: PairTokens) => readonly boolean[];
  /** Whether the objective takes a gradient through it. */
  readonly gradient: boolean;
}

const all = (ids: readonly number[]): boolean[] => ids.map(() => true);
/** Tokens beyond the other answer's length. */
const tail = (ids: readonly number[], other: readonly number[]): boolean[] => ids.map((_, i) => i >= other.length);

const logRatio = (side: Side, tokens: Part['tokens']) => ({ side, tokens, quantity: 'logRatio' }) as const;
const whole = (side: 'chosen' | 'rejected', quantity: Quantity) =>
  ({ side, quantity, tokens: (pair: PairTokens) => all(pair[`${side}Ids`]) }) as const;

const PARTS: Readonly<Record<string, Omit<Part, 'extra' | 'input' | 'gradient'>>> = {
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
    input in PARTS ? [{ ...PARTS[input], extra, input, gradient: gradient !== undefined }] : [],
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

/** How many tokens were corrected. */
function changedLengths(pair: PairTokens) {
  const count = (tokens: readonly boolean[]) => tokens.filter(Boolean).length;
  const { chosen, rejected } = changedTokens(pair);
  return { chosenChangedLength: count(chosen), rejectedChangedLength: count(rejected) };
}

/** Fields of a pair's row that say which parts there are; numbers that follow the policy are 0 here. */
export function partFields(pair: TokenizedPair, reference: ReferenceLogps | undefined): Partial<PairRow> {
  return {
    chosenChangedLogRatio: 0,
    rejectedChangedLogRatio: 0,
    ...changedLengths(pair),
    chosenTailLogRatio: 0,
    rejectedTailLogRatio: 0,
    wpoWeightChosen: 0,
    wpoWeightRejected: 0,
    ...(reference && { sequenceKlChosen: 0, sequenceKlRejected: 0 }),
    ...(pair.corrupted && reference && { corruptedChosen: 0, refCorruptedChosen: 0 }),
    ...(pair.noisy && reference && { noisyArgmax: 0, refNoisyArgmax: 0 }),
  };
}

/** What a scored answer is known by, per token. */
export interface AnswerTokens {
  /** Log-probabilities under policy and reference. */
  readonly policy: ArrayLike<number>;
  readonly reference: ArrayLike<number>;
  /** KL(reference ‖ policy) of the next-token distributions. */
  readonly klFromReference: ArrayLike<number>;
  /** log Σ p² of the policy's. */
  readonly logCollision: ArrayLike<number>;
}

/** The parts of a scored pair, for its row: everything that needs no second picture. Plain loops in float64. */
export function scoredParts(
  pair: PairTokens,
  answers: Readonly<Record<'chosen' | 'rejected', AnswerTokens>>,
): Readonly<Record<string, number>> {
  const values: Record<string, number> = { ...changedLengths(pair) };
  for (const [input, { side, quantity, tokens }] of Object.entries(PARTS)) {
    if (side !== 'chosen' && side !== 'rejected') continue;
    const { policy, reference, klFromReference, logCollision } = answers[side];
    const per: Readonly<Record<Quantity, (t: number) => number>> = {
      logRatio: (t) => policy[t] - reference[t],
      klFromReference: (t) => klFromReference[t],
      onPolicyWeight: (t) => policy[t] - logCollision[t],
    };
    const counted = tokens(pair).flatMap((counts, t) => (counts ? [per[quantity](t)] : []));
    const sum = counted.reduce((total, value) => total + value, 0);
    values[input] = quantity === 'onPolicyWeight' ? Math.exp(sum / counted.length) : sum;
  }
  return values;
}
