/** Counting: reads a number out of an answer and compares it with the truth. */

const NUMBER_WORDS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const ARTICLES = new Set(['a', 'an', 'single']);
const NONE = new Set(['no', 'none', 'nothing']);

/**
 * The first number an answer names, in digits or words. Without one, an article
 * counts as one and a "no" as zero; anything else is `undefined`.
 */
export function countIn(answer: string): number | undefined {
  const words = answer.toLowerCase().match(/[a-z]+|\d+/g) ?? [];
  for (const word of words) {
    if (/^\d+$/.test(word)) return Number(word);
    const index = NUMBER_WORDS.indexOf(word);
    if (index >= 0) return index;
  }
  if (words.some((word) => NONE.has(word))) return 0;
  return words.some((word) => ARTICLES.has(word)) ? 1 : undefined;
}

export interface CountingResult {
  readonly questions: number;
  readonly accuracy: number;
  /** Accuracy among the questions whose right answer is the key. */
  readonly byCount: Readonly<Record<number, number>>;
}

/** Share of answers that name the right number. */
export function scoreCounting(truths: readonly number[], answers: readonly string[]): CountingResult {
  if (answers.length !== truths.length)
    throw new RangeError(`${truths.length} questions but ${answers.length} answers`);
  const right = truths.map((truth, i) => countIn(answers[i]) === truth);
  const shareRight = (flags: readonly boolean[]) =>
    flags.length === 0 ? 0 : flags.filter(Boolean).length / flags.length;
  const byCount: Record<number, number> = {};
  for (const count of [...new Set(truths)].sort((a, b) => a - b)) {
    byCount[count] = shareRight(right.filter((_, i) => truths[i] === count));
  }
  return { questions: truths.length, accuracy: shareRight(right), byCount };
}
