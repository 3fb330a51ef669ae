/**
 * Preference pairs with CLIP as the judge: several answers about one picture, two of which become chosen and rejected.
 * The page's buttons, the console and the study all make their pairs here.
 */
import type { CallOptions, Engine, SampleRequest } from '../engine/engine.ts';

/** An answer with its CLIP score: its cosine similarity with the picture. */
export interface ScoredAnswer {
  readonly text: string;
  readonly clip: number;
}

export interface ClipPair<Answer extends ScoredAnswer = ScoredAnswer> {
  readonly chosen: Answer;
  readonly rejected: Answer;
}

/** Answers that compete for one pair, unless somebody says otherwise: more than a person would want to read. */
export const CLIP_CANDIDATES = 8;

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

/** Each word that one answer has more than the other halves what their comparison counts. */
const PER_EXTRA_WORD = 0.5;

/** How alike two answers are in words and in length: 1 where they are the same text, towards 0 where all differs. */
function likeness(first: string, second: string): number {
  const extraWords = Math.abs(wordsOf(first).length - wordsOf(second).length);
  return wordOverlap(first, second) * PER_EXTRA_WORD ** extraWords;
}

/**
 * The pair that says most: CLIP tells its two answers far apart although they are alike. Best against worst would be the
 * widest gap, but such answers differ in everything, and their difference in length teaches a preference loss to say
 * less (Park et al. 2024, arXiv:2403.19159). So the gap is weighed by `likeness`: what is left to learn from is what the
 * picture decides.
 * @returns null where CLIP prefers no answer over another.
 */
export function clipPair<Answer extends ScoredAnswer>(answers: readonly Answer[]): ClipPair<Answer> | null {
  let pair: ClipPair<Answer> | null = null;
  let most = 0;
  for (const chosen of answers) {
    for (const rejected of answers) {
      if (!(chosen.clip > rejected.clip)) continue;
      const worth = (chosen.clip - rejected.clip) * likeness(chosen.text, rejected.text);
      if (worth > most) [pair, most] = [{ chosen, rejected }, worth];
    }
  }
  return pair;
}

/**
 * Samples answers and makes a pair of two of them. Answers that were cut off take no part: they would teach to stop
 * there.
 * @returns null where fewer than two different answers came to an end, or CLIP prefers none.
 * @throws CancelledError, and what the engine throws.
 */
export async function sampleClipPair(
  engine: Pick<Engine, 'sample' | 'clipScore'>,
  request: SampleRequest,
  options: Pick<CallOptions, 'signal'> = {},
): Promise<ClipPair | null> {
  const answers = new Set<string>();
  for await (const event of engine.sample(request, options)) {
    if (event.type === 'done' && event.candidate.finish === 'stop') answers.add(event.candidate.text.trim());
  }
  answers.delete('');
  if (answers.size < 2) return null;
  const texts = [...answers];
  const scores = await engine.clipScore({ image: request.image, texts }, options);
  return clipPair(texts.map((text, index) => ({ text, clip: scores[index] })));
}
