/** Which words of two texts differ: longest common subsequence over words. */

export interface DiffPart {
  readonly text: string;
  /** True for words the other text lacks. */
  readonly changed: boolean;
}

/** Beyond this many words per text the table would grow large, and colour would no longer help. */
const MOST_WORDS = 600;

/** Words with the white space before them: joined they give the text back. */
const wordsOf = (text: string): string[] => text.match(/\s*\S+|\s+$/g) ?? [];

/** Punctuation and case do not make a word another word. */
const keyOf = (word: string): string =>
  word
    .trim()
    .toLowerCase()
    .replace(/[.,;:!?]+$/, '');

/** `lengths[i][j]`: length of the longest common subsequence of `a` from i and `b` from j. */
function commonLengths(a: readonly string[], b: readonly string[]): Uint16Array[] {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

/** Neighbouring words of one kind as one part. */
function merge(words: readonly string[], kept: ReadonlySet<number>): DiffPart[] {
  const parts: { text: string; changed: boolean }[] = [];
  words.forEach((text, index) => {
    const changed = !kept.has(index);
    const last = parts.at(-1);
    if (last?.changed === changed) last.text += text;
    else parts.push({ text, changed });
  });
  return parts;
}

/** Both texts in parts; joined, the parts of a side give its text back exactly. */
export function diffWords(first: string, second: string): { first: DiffPart[]; second: DiffPart[] } {
  const [a, b] = [wordsOf(first), wordsOf(second)];
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) {
    return { first: [{ text: first, changed: false }], second: [{ text: second, changed: false }] };
  }
  const [keysA, keysB] = [a.map(keyOf), b.map(keyOf)];
  const lengths = commonLengths(keysA, keysB);
  const keptA = new Set<number>();
  const keptB = new Set<number>();
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (keysA[i] === keysB[j]) {
      keptA.add(i++);
      keptB.add(j++);
    } else if (lengths[i + 1][j] >= lengths[i][j + 1]) i++;
    else j++;
  }
  return { first: merge(a, keptA), second: merge(b, keptB) };
}
