/**
 * Which of the 80 classes a text names: CHAIR's rules for words with two meanings, as `mentions` in
 * `models/recipe/photo/language.py` has them.
 */
import { PHOTO_NOUNS, pluralOf } from './nouns.ts';

/** A mention with its place in the text, so that a page can mark it. */
export interface PhotoMention {
  readonly noun: string;
  readonly start: number;
  readonly end: number;
}

/** Every spelling, singular and plural, to its class; of a spelling that two classes share the later one's. */
const SPELLINGS: ReadonlyMap<string, string> = new Map(
  PHOTO_NOUNS.flatMap(({ noun, synonyms }) =>
    [noun, ...synonyms].flatMap((word) => [word, pluralOf(word)].map((spelling) => [spelling, noun] as const)),
  ),
);

/** Pairs of words that look like a class and are none. */
const NO_CLASS = new Set(['train track', 'train station', 'home plate', 'orange juice', 'stuffed bear', 'bear sign']);
const ANIMALS = new Set('elephant bear zebra giraffe cow sheep horse cat dog bird goat lamb duck'.split(' '));
/** After these an orange is a fruit; before a noun it is a colour. */
const AFTER_ORANGE = new Set(['.', ',', 'and', 'on', 'in', 'with', 'is', 'next', 'sitting']);
const OF_ANIMALS = new Set(['baby', 'adult', 'mother', 'male', 'female']);
const OF_PASSENGERS = new Set(['train', 'jet', 'plane', 'bus', 'trains', 'planes']);
const BEARS = new Set(['bear', 'bears']);
const TOYS = new Set(['stuffed', 'toy']);

const singular = (words: string): string => words.replace(/s+$/, '');

/** Whether a word that spells a class means something else between its neighbours. */
function meansSomethingElse(word: string, before: string, after: string): boolean {
  const pair = `${word} ${after}`;
  return (
    NO_CLASS.has(pair) ||
    NO_CLASS.has(singular(pair)) ||
    (word === 'orange' && !AFTER_ORANGE.has(after)) ||
    (OF_ANIMALS.has(word) && (ANIMALS.has(after) || ANIMALS.has(singular(after)))) ||
    (word === 'passenger' && OF_PASSENGERS.has(after)) ||
    (BEARS.has(word) && TOYS.has(before)) ||
    (word === 'seat' && before === 'toilet')
  );
}

/** Mentions of classes in order of appearance, repeats included, with character offsets. */
export function locatePhotoMentions(text: string): PhotoMention[] {
  const words = [...text.matchAll(/\p{L}+(?:'\p{L}+)?|[.,]/gu)].map(({ 0: word, index }) => ({
    word: word.toLowerCase(),
    start: index,
    end: index + word.length,
  }));
  const found: PhotoMention[] = [];
  for (let at = 0; at < words.length; at++) {
    const { word, start, end } = words[at];
    const before = words[at - 1]?.word ?? '';
    const next = words[at + 1];
    const both = next && SPELLINGS.get(`${word} ${next.word}`);
    if (both) {
      found.push({ noun: both, start, end: next.end });
      at++;
    } else if (BEARS.has(word) && TOYS.has(before)) found.push({ noun: 'teddy bear', start: words[at - 1].start, end });
    else {
      const noun = SPELLINGS.get(word);
      if (noun && !meansSomethingElse(word, before, next?.word ?? '.')) found.push({ noun, start, end });
    }
  }
  return found;
}
