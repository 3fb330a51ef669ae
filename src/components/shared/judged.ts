/** The error rates of a detector in words, to stand beside its verdicts. */
import type { Judged } from '../../photographs/index.ts';
import type { ImageRecord } from '../../state/state.ts';
import { percent } from './format.ts';

/** "Errors: flags 5.6 % of right nouns, passes 12 % of wrong ones." */
export function errorWords({ flags_agreed, flags_swapped }: Judged): string {
  return `Errors: flags ${percent(flags_agreed)} of right nouns, passes ${percent(1 - flags_swapped)} of wrong ones.`;
}

/** What these rates are rates of. */
export function errorSource({ pictures }: Judged): string {
  return `Flags: says "not seen". Measured on ${pictures} held-out photographs. Right: nouns that three or more people wrote about the picture. Wrong: nouns written about another one.`;
}

/** The tip of a verdict: who says so, and how often it errs. Nothing for a scene, whose truth is no verdict. */
export function verdictWords({ scene, seen }: Pick<ImageRecord, 'scene' | 'seen'>): string {
  if (scene || !seen) return '';
  return seen.judged ? `The detector says so. ${errorWords(seen.judged)}` : 'The detector says so.';
}
