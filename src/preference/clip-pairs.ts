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
  /** How much it has to teach: see `clipPair`. Above 0. */
  readonly worth: number;
}

/** Answers that compete for one pair, unless somebody says otherwise: more than a person would want to read. */
export const CLIP_CANDIDATES = 12;

/** Pairs that are kept when there are more images, unless somebody says otherwise. */
export const CLIP_PAIRS = 64;

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

/** What a pair counts whose chosen answer has no more words than the rejected one. */
const WITHOUT_LENGTH = 0.1;

/**
 * The pair that has most to teach. Best against worst by CLIP would be the widest gap, but it teaches the wrong lesson:
 * the worst answer is nearly always the one that claims most, so the policy learns to say less, true things included
 * (preference losses take length for quality: Park et al. 2024, arXiv:2403.19159). So chosen has more words than
 * rejected wherever that can be, and the gap is weighed by the words both share: what then differs is what the picture
 * decides.
 * @returns null where CLIP prefers no answer over another.
 */
export function clipPair<Answer extends ScoredAnswer>(answers: readonly Answer[]): ClipPair<Answer> | null {
  let best: ClipPair<Answer> | null = null;
  for (const chosen of answers) {
    for (const rejected of answers) {
      if (!(chosen.clip > rejected.clip)) continue;
      const longer = wordsOf(chosen.text).length > wordsOf(rejected.text).length;
      const overlap = wordOverlap(chosen.text, rejected.text);
      const worth = (chosen.clip - rejected.clip) * overlap * (longer ? 1 : WITHOUT_LENGTH);
      if (worth > (best?.worth ?? 0)) best = { chosen, rejected, worth };
    }
  }
  return best;
}

/** The `most` pairs that have most to teach, in the order they came. */
export function worthiest<Item extends { readonly worth: number }>(items: readonly Item[], most: number): Item[] {
  const kept = new Set(items.toSorted((a, b) => b.worth - a.worth).slice(0, most));
  return items.filter((item) => kept.has(item));
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
