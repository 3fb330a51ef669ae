/** The pairs as the trainer takes them: tokens, with pictures behind a function because their features may be evicted. */
import type { PairRow } from '../engine/engine.ts';
import { InputError } from '../errors.ts';
import type { Tensor } from '../kernels/gpu/index.ts';
import type { InputName } from '../kernels/losses/inputs.ts';
import type { SequenceInput } from '../models/policy/index.ts';
import { partFields } from './parts.ts';

export interface TokenizedPair {
  /** Tells pairs with other pictures, prompts or answers apart: two pairs of one key have the same reference. */
  readonly key: string;
  readonly promptIds: readonly number[];
  readonly imageTokenId?: number;
  /** Visual tokens, valid until the next call. */
  readonly visual?: () => Promise<Tensor>;
  /** Visual tokens of a corrupted copy of the picture, for objectives that compare with it. */
  readonly corrupted?: () => Promise<Tensor>;
  /** Visual tokens of a noisy copy of the picture, for objectives that ask what the policy says given that. */
  readonly noisy?: () => Promise<Tensor>;
  /** Answers, end-of-utterance included. */
  readonly chosenIds: readonly number[];
  readonly rejectedIds: readonly number[];
  /** What else is known about the pair: scores, win probabilities, further rewards. */
  readonly inputs?: Readonly<Record<string, number>>;
}

/** Log-probabilities per token of the frozen reference. */
export interface ReferenceLogps {
  readonly chosen: Float32Array;
  readonly rejected: Float32Array;
  /** The chosen answer given the corrupted picture. */
  readonly corrupted?: Float32Array;
  /** What the policy would say given the noisy picture, scored with the clear one; new in every step. */
  readonly noisyArgmax?: Float32Array;
}

/** Inputs that are facts about a pair. All others follow the policy as it learns, so no pair can bring them along. */
const FACTS: readonly InputName[] = [
  'scoreChosen',
  'scoreRejected',
  'winProbChosen',
  'winProbRejected',
  'extraRewardChosen1',
  'extraRewardChosen2',
  'extraRewardRejected1',
  'extraRewardRejected2',
  'kept',
];

/** @throws InputError for an input that would have to follow the policy, or that no objective knows. */
export function checkInputs(pairs: readonly TokenizedPair[]): void {
  for (const [index, { inputs = {} }] of pairs.entries()) {
    const wrong = Object.keys(inputs).find((name) => !FACTS.includes(name as InputName));
    if (wrong === undefined) continue;
    throw new InputError(
      `Pair ${index + 1} of ${pairs.length} brings ${wrong}, which training cannot use: it takes ${FACTS.join(', ')}.`,
      wrong,
    );
  }
}

/**
 * Chosen and rejected sequence of every pair, in turn; then, where asked for, the chosen answer of every pair given its
 * corrupted picture.
 */
export async function sequencesOf(pairs: readonly TokenizedPair[], withCorrupted = false): Promise<SequenceInput[]> {
  const sequences: SequenceInput[] = [];
  for (const { promptIds, imageTokenId, visual, chosenIds, rejectedIds } of pairs) {
    const prompt = visual ? { promptIds, imageTokenId, visual: await visual() } : { promptIds };
    sequences.push({ ...prompt, responseIds: chosenIds }, { ...prompt, responseIds: rejectedIds });
  }
  if (!withCorrupted) return sequences;
  for (const { promptIds, imageTokenId, corrupted, chosenIds } of pairs) {
    sequences.push({ promptIds, imageTokenId, visual: await corrupted!(), responseIds: chosenIds });
  }
  return sequences;
}

/** Reference log-probabilities of chosen and rejected answers in turn, one after another as `sequencesOf` scores them. */
export function referenceTokens(references: readonly ReferenceLogps[]): Float32Array {
  return Float32Array.from(references.flatMap(({ chosen, rejected }) => [...chosen, ...rejected]));
}

/** The part of a pair's row that does not move while the policy learns; what moves is 0 here. */
export function fixedRow(pair: TokenizedPair, reference: ReferenceLogps | undefined): PairRow {
  const sum = (logps: Float32Array) => logps.reduce((total, logp) => total + logp, 0);
  return {
    ...partFields(pair, reference),
    ...pair.inputs,
    chosen: 0,
    rejected: 0,
    chosenLength: pair.chosenIds.length,
    rejectedLength: pair.rejectedIds.length,
    ...(reference && { refChosen: sum(reference.chosen), refRejected: sum(reference.rejected) }),
  };
}

/** Tokens of both sequences of every pair, prompts included: what TRL counts as `num_tokens`. */
export function tokensOf(pairs: readonly TokenizedPair[]): number {
  return pairs.reduce(
    (sum, { promptIds, chosenIds, rejectedIds }) => sum + 2 * promptIds.length + chosenIds.length + rejectedIds.length,
    0,
  );
}

/** Hash of all pairs in their order (FNV-1a). */
export function hashPairs(pairs: readonly TokenizedPair[]): string {
  let hash = 0x811c9dc5;
  for (const { key, inputs = {} } of pairs) {
    for (const letter of `${key}\n${JSON.stringify(inputs)}\n`) {
      hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193) >>> 0;
    }
  }
  return `${pairs.length}-${hash.toString(16).padStart(8, '0')}`;
}
