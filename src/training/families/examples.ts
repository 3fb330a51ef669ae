/**
 * Pairs as single judged answers (TRL: `unpair_preference_dataset`): the chosen one is wanted, the rejected one unwanted.
 */
import type { SequenceInput } from '../../models/policy/index.ts';
import { differingTokens } from '../changed.ts';
import type { TokenizedPair } from '../data.ts';

import type { TokenRun } from './token-runs.ts';

/** One example: a run of tokens of the sequences chosen 0, rejected 0, chosen 1, rejected 1, ... */
export interface ExampleRun extends TokenRun {
  /** Position of its pair in the micro-batch. */
  readonly pair: number;
  /** 1 wanted, 0 unwanted. */
  readonly label: 0 | 1;
}

/** Every answer, whole. */
export function answerRuns(starts: readonly number[]): ExampleRun[] {
  return starts.slice(1).map((end, s) => ({ first: starts[s], end, pair: s >> 1, label: s % 2 === 0 ? 1 : 0 }));
}

/**
 * The segments in which the two answers of a pair differ: in the chosen one they count as accurate, in the rejected one
 * as inaccurate, and what both share is not judged. That is what a correction says (RLHF-V's token difference); answers
 * that share no three tokens in a row are a segment each.
 */
export function segmentRuns(pairs: readonly TokenizedPair[], starts: readonly number[]): ExampleRun[] {
  return pairs.flatMap((tokens, pair) => {
    const { chosen, rejected } = differingTokens(tokens);
    return [
      ...runsOf(chosen, starts[2 * pair]).map((run) => ({ ...run, pair, label: 1 as const })),
      ...runsOf(rejected, starts[2 * pair + 1]).map((run) => ({ ...run, pair, label: 0 as const })),
    ];
  });
}

/** Runs of true flags, shifted by `offset`. */
function runsOf(flags: readonly boolean[], offset: number): TokenRun[] {
  const runs: { first: number; end: number }[] = [];
  flags.forEach((flag, t) => {
    if (!flag) return;
    const last = runs.at(-1);
    if (last?.end === offset + t) last.end++;
    else runs.push({ first: offset + t, end: offset + t + 1 });
  });
  return runs;
}

/**
 * KTO's mismatched examples: each prompt with the answer of the example before it, in the order in which TRL unpairs a
 * batch (all chosen, then all rejected), the first with the last one's. With two pairs or more no prompt meets an answer
 * of its own pair.
 * @param sequences chosen and rejected of each pair in turn.
 */
export function mismatched(sequences: readonly SequenceInput[]): SequenceInput[] {
  const side = (rest: number) => sequences.filter((_, s) => s % 2 === rest);
  const examples = [...side(0), ...side(1)];
  return examples.map((example, k) => ({ ...example, responseIds: examples.at(k - 1)!.responseIds }));
}
