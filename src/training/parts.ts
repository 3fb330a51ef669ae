/**
 * Sums beyond chosen and rejected that some objectives take a gradient through: over the tokens in which two answers
 * differ, over the tokens by which one is longer, or over the chosen answer under a corrupted picture.
 */
import type { PairRow } from '../engine/engine.ts';
import type { Objective } from '../kernels/losses/objective.ts';
import type { ReferenceLogps, TokenizedPair } from './data.ts';

type Side = 'chosen' | 'rejected' | 'corrupted';

/** One extra input of an objective as a sum over some tokens of one sequence per pair. */
export interface Part {
  /** Place among the objective's extras. */
  readonly extra: number;
  readonly side: Side;
  /** Which of the answer's tokens count. */
  readonly tokens: (pair: TokenizedPair) => readonly boolean[];
}

const PARTS: Readonly<Record<string, Omit<Part, 'extra'>>> = {
  chosenChangedLogRatio: { side: 'chosen', tokens: (pair) => changed(pair.chosenIds, pair.rejectedIds) },
  rejectedChangedLogRatio: { side: 'rejected', tokens: (pair) => changed(pair.rejectedIds, pair.chosenIds) },
  chosenTailLogRatio: { side: 'chosen', tokens: (pair) => tail(pair.chosenIds, pair.rejectedIds) },
  rejectedTailLogRatio: { side: 'rejected', tokens: (pair) => tail(pair.rejectedIds, pair.chosenIds) },
  corruptedLogRatio: { side: 'corrupted', tokens: (pair) => pair.chosenIds.map(() => true) },
};

/** The parts that an objective needs; none for most. */
export function partsOf({ extras = [] }: Objective): Part[] {
  return extras.flatMap(({ input }, extra) => (input in PARTS ? [{ ...PARTS[input], extra }] : []));
}

/** Whether the objective looks at the picture and at a corrupted copy of it. */
export const needsCorrupted = (objective: Objective): boolean => objective.needs.includes('corruptedChosen');

/** Fields of a pair's row that say which parts there are; sums that follow the policy are 0 here. */
export function partFields(pair: TokenizedPair, reference: ReferenceLogps | undefined): Partial<PairRow> {
  const count = (tokens: readonly boolean[]) => tokens.filter(Boolean).length;
  return {
    chosenChangedLogRatio: 0,
    rejectedChangedLogRatio: 0,
    chosenChangedLength: count(changed(pair.chosenIds, pair.rejectedIds)),
    rejectedChangedLength: count(changed(pair.rejectedIds, pair.chosenIds)),
    chosenTailLogRatio: 0,
    rejectedTailLogRatio: 0,
    ...(pair.corrupted && reference && { corruptedChosen: 0, refCorruptedChosen: 0 }),
  };
}

/** Tokens of `ids` that a longest common subsequence with `other` leaves out: what was corrected. */
export function changed(ids: readonly number[], other: readonly number[]): boolean[] {
  // lengths[i][j]: of the longest common subsequence of ids[i..] and other[j..].
  const lengths = Array.from({ length: ids.length + 1 }, () => new Uint32Array(other.length + 1));
  for (let i = ids.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      lengths[i][j] = ids[i] === other[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const flags = ids.map(() => true);
  for (let i = 0, j = 0; i < ids.length && j < other.length; ) {
    if (ids[i] === other[j]) {
      flags[i] = false;
      i++;
      j++;
    } else if (lengths[i + 1][j] >= lengths[i][j + 1]) i++;
    else j++;
  }
  return flags;
}

/** Tokens beyond the other answer's length. */
function tail(ids: readonly number[], other: readonly number[]): boolean[] {
  return ids.map((_, i) => i >= other.length);
}
