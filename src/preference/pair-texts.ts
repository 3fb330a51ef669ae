/** What makes three texts a preference pair: one rule for the page, the console and the engine. */
import { InputError } from '../errors.ts';

/** The tokenizer takes surrounding blanks away, so answers that differ in these alone are the same. */
const same = (a: string, b: string): boolean => a.trim() === b.trim();

export interface PairTexts {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  /** A tie may well be of two answers that say the same. */
  readonly verdict?: 'preferred' | 'tie';
}

/** Why these texts are no preference pair, as a sentence; null when they are one. */
export function pairRefusal({ prompt, chosen, rejected, verdict }: PairTexts): string | null {
  if (!prompt.trim()) return 'The prompt is empty. Write a question about the picture.';
  if (!chosen.trim()) return 'The chosen answer is empty. Both answers need text.';
  if (!rejected.trim()) return 'The rejected answer is empty. Both answers need text.';
  if (verdict === 'tie' || !same(chosen, rejected)) return null;
  return 'Both answers are the same text, so there is nothing to prefer: change one, or keep them as a tie.';
}

/** @throws {InputError} for texts that are no preference pair. */
export function checkPairTexts(texts: PairTexts): void {
  const why = pairRefusal(texts);
  if (why !== null) throw new InputError(why, 'pair');
}
