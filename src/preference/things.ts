/**
 * What an answer says is there, read from its grammar alone, so that it works for any picture. In English a new thing is
 * introduced by an indefinite article or a number ("a cat", "two dogs"), and one that is known already is not ("the
 * cat"): Heim 1982, "The Semantics of Definite and Indefinite Noun Phrases". Bare plurals and mass nouns are missed, and
 * what tells where the rest is ("on a wooden table") is a place and no thing.
 */

const INTRODUCES = new Set('a an one two three four five six seven eight nine ten'.split(' '));

/** What ends the noun phrase; "of" does not ("a ball of yarn"). */
const ENDS = new Set(
  'and or is are was were there also to left right above below on in at against with near beside behind under over by from while that which who'.split(
    ' ',
  ),
);

/** What a place comes after. */
const PLACED = /\b(on|in|at|against|in front of)$/;

/** Names of the picture itself: "a picture of" introduces nothing that is in it. */
const PICTURES = new Set('picture image photo photograph drawing scene view'.split(' '));

/**
 * The things a text introduces, as it names them, in its order and with repeats: "Two cats and a ball of yarn." gives
 * "cats" and "ball of yarn".
 */
export function thingsIn(text: string): string[] {
  const lower = text.toLowerCase();
  const things: string[] = [];
  let phrase: string[] | null = null;
  const end = () => {
    if (phrase && phrase.length > 0 && !PICTURES.has(phrase[0])) things.push(phrase.join(' '));
    phrase = null;
  };
  for (const { 0: word, index } of lower.matchAll(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)) {
    if (INTRODUCES.has(word)) {
      end();
      phrase = PLACED.test(lower.slice(0, index).trimEnd()) ? null : [];
    } else if (ENDS.has(word) || !/^[\p{L}\p{N}]/u.test(word)) end();
    else phrase?.push(word);
  }
  end();
  return things;
}

/** The things that `text` names and `other` does not; a thing named twice more counts twice. */
export function thingsBeyond(text: string, other: string): string[] {
  const left = thingsIn(other);
  return thingsIn(text).filter((thing) => {
    const at = left.indexOf(thing);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** What a rejected answer does to the things of the chosen one: it adds some, omits some, swaps some for others, or none of it. */
export type Difference = 'swaps' | 'adds' | 'omits' | 'none';

/** How `rejected` differs from `chosen` in what it says is there. */
export function differenceOf(chosen: string, rejected: string): Difference {
  const omits = thingsBeyond(chosen, rejected).length > 0;
  const adds = thingsBeyond(rejected, chosen).length > 0;
  if (omits && adds) return 'swaps';
  return omits ? 'omits' : adds ? 'adds' : 'none';
}
