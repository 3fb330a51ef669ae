/**
 * Which nouns a text mentions: the word list behind CHAIR.
 *
 * Words are matched longest first, so that "hot dog" is one mention of a hot dog
 * and none of a dog, and plurals and synonyms count as the noun they stand for.
 */
import { NOUNS, type Noun } from './nouns.ts';

/** Compounds that contain a noun's word but name something else. */
const OTHER_THINGS = [
  'car key ring',
  'cat tree',
  'tree house',
  'key board',
  'sea star',
  'star fruit',
  'fire truck',
  'bed room',
  'cup cake',
  'pan cake',
  'moon light',
  'bath house',
  'green house',
  'coat rack',
];

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Every spelling of a noun, as words joined by single spaces. */
function spellingsOf(noun: Noun): string[] {
  return [noun.noun, noun.plural, ...noun.synonyms].map((spelling) => wordsOf(spelling).join(' '));
}

/** Spelling to noun, or to `null` for a compound that is no mention. */
const SPELLINGS: ReadonlyMap<string, string | null> = new Map([
  ...OTHER_THINGS.map((words) => [words, null] as const),
  ...NOUNS.flatMap((noun) => spellingsOf(noun).map((spelling) => [spelling, noun.noun] as const)),
]);

const LONGEST = Math.max(...[...SPELLINGS.keys()].map((spelling) => spelling.split(' ').length));

/** A mention with its place in the text, so that a page can mark it. */
export type Mention = { noun: string; start: number; end: number };

/** Mentions in order of appearance, repeats included, with character offsets. */
export function locateMentions(text: string): Mention[] {
  const words = [...text.matchAll(/[\p{L}\p{N}]+/gu)].map((match) => ({
    word: match[0].toLowerCase(),
    start: match.index,
    end: match.index + match[0].length,
  }));
  const mentions: Mention[] = [];
  for (let i = 0; i < words.length; ) {
    let taken = 1;
    for (let length = Math.min(LONGEST, words.length - i); length >= 1; length--) {
      const run = words.slice(i, i + length);
      const noun = SPELLINGS.get(run.map(({ word }) => word).join(' '));
      if (noun === undefined) continue;
      if (noun !== null) mentions.push({ noun, start: run[0].start, end: run[length - 1].end });
      taken = length;
      break;
    }
    i += taken;
  }
  return mentions;
}

/** The nouns a text mentions, in order, repeats included. */
export function mentionedNouns(text: string): string[] {
  return locateMentions(text).map(({ noun }) => noun);
}
