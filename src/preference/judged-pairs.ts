/**
 * Preference pairs by the scores of a judge: several answers about one picture, two of which become chosen and rejected.
 * The page's buttons, the console and the study all make their pairs here.
 */
import type { CallOptions, Candidate, Engine, FinishReason, SampleRequest } from '../engine/engine.ts';
import type { Evidence, Judge } from './judges.ts';
import { type Difference, differenceOf } from './things.ts';

/** An answer with its score by one of `JUDGES`, the higher the better. */
export interface ScoredAnswer {
  readonly text: string;
  readonly score: number;
}

export interface JudgedPair<Answer extends ScoredAnswer = ScoredAnswer> {
  readonly chosen: Answer;
  readonly rejected: Answer;
  readonly difference: Difference;
  /** How much it has to teach: see `judgedPairs`. Above 0. */
  readonly worth: number;
}

/** Answers that compete for one pair, unless somebody says otherwise: more than a person would want to read. */
export const PAIR_CANDIDATES = 12;

/**
 * How much more than the gap in score it counts that two answers share their words: what differs then is rather a phrase
 * than the whole sentence. Measured in docs/training.md.
 */
const ALIKE = 3;

/** Words in lower case, without punctuation. */
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Length of the longest common subsequence. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  const lengths = new Uint32Array(b.length + 1);
  for (const word of a) {
    let diagonal = 0;
    for (let j = 0; j < b.length; j++) {
      const above = lengths[j + 1];
      lengths[j + 1] = word === b[j] ? diagonal + 1 : Math.max(above, lengths[j]);
      diagonal = above;
    }
  }
  return lengths[b.length];
}

/** Share of the words of two texts that they have in common, in order: 0 to 1. */
export function wordOverlap(first: string, second: string): number {
  const [a, b] = [wordsOf(first), wordsOf(second)];
  return a.length + b.length === 0 ? 1 : (2 * commonLength(a, b)) / (a.length + b.length);
}

/**
 * The answers that may become chosen or rejected without a person having read them: those that came to an end by
 * themselves, since training appends the end token and a cut one would teach to stop there; not empty; one of each text.
 */
export function wholeAnswers<Answer extends { readonly text: string; readonly finish?: FinishReason }>(
  answers: readonly Answer[],
): Answer[] {
  const seen = new Set(['']);
  return answers.filter(({ text, finish }) => {
    if (finish !== 'stop' || seen.has(text.trim())) return false;
    seen.add(text.trim());
    return true;
  });
}

/**
 * The pair that has most to teach of each difference, the worthiest first; those that name the same things come last.
 * A pair's worth is the gap in score times the cube of `wordOverlap`: what then differs is what the picture decides, not
 * how it is put.
 * @returns nothing where the judge prefers no answer over another.
 */
export function judgedPairs<Answer extends ScoredAnswer>(answers: readonly Answer[]): JudgedPair<Answer>[] {
  const best = new Map<Difference, JudgedPair<Answer>>();
  for (const chosen of answers) {
    for (const rejected of answers) {
      if (!(chosen.score > rejected.score)) continue;
      const difference = differenceOf(chosen.text, rejected.text);
      const worth = (chosen.score - rejected.score) * wordOverlap(chosen.text, rejected.text) ** ALIKE;
      if (worth > (best.get(difference)?.worth ?? 0)) best.set(difference, { chosen, rejected, difference, worth });
    }
  }
  const last = ({ difference }: JudgedPair) => Number(difference === 'none');
  return [...best.values()].sort((a, b) => last(a) - last(b) || b.worth - a.worth);
}

/**
 * Samples answers and makes pairs of them: see `wholeAnswers` and `judgedPairs`.
 * @param truth What is known of the picture's objects, for a judge who asks.
 * @returns nothing where fewer than two different answers came to an end, or the judge prefers none.
 * @throws CancelledError, and what the engine throws.
 */
export async function sampleJudgedPairs(
  judge: Pick<Judge, 'score'>,
  { engine, truth }: Pick<Evidence, 'truth'> & { readonly engine: Pick<Engine, 'sample' | 'clipScore'> },
  request: SampleRequest,
  options: Pick<CallOptions, 'signal'> = {},
): Promise<JudgedPair[]> {
  const answers: Candidate[] = [];
  for await (const event of engine.sample(request, options)) if (event.type === 'done') answers.push(event.candidate);
  const texts = wholeAnswers(answers).map(({ text }) => text.trim());
  if (texts.length < 2) return [];
  const scores = await judge.score({ engine, truth, image: request.image }, texts, options);
  return judgedPairs(texts.map((text, index) => ({ text, score: scores[index] })));
}
