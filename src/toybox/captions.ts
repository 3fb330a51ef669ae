/**
 * Captions: a small grammar with varied openings and sentence shapes. Objects are
 * named in reading order.
 *
 * `captionOf` writes only what is true. `biasedCaptionOf` writes as careless
 * captioners do: after a noun with a habitual companion it sometimes mentions
 * the companion although it is not there. How often is stated in `HABIT_RATES`.
 */
import { companionOf, NOUNS, nounNamed } from './nouns.ts';
import { Random } from './random.ts';
import { BACKGROUNDS, SCENE_SIZE, type Scene, type SceneObject } from './scene.ts';
import { type Direction, sceneTruth } from './truth.ts';

/** Probability that the biased data mentions an absent companion right after its host. */
export const HABIT_RATES = { strong: 0.8, mild: 0.06 } as const;

/** A noun and how many of it a caption claims. */
export type Claim = { noun: string; count: number };

export const NUMBER_WORDS = ['zero', 'one', 'two', 'three', 'four', 'five'] as const;

const RELATION_WORDS: Record<Direction, readonly string[]> = {
  left: ['to the left of', 'left of'],
  right: ['to the right of', 'right of'],
  above: ['above'],
  below: ['below'],
};

/** "a cat", "an owl", "two cats". */
export function phraseOf({ noun, count }: Claim): string {
  if (count !== 1) return `${NUMBER_WORDS[count]} ${nounNamed(noun).plural}`;
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun === 'cheese' ? 'piece of cheese' : noun}`;
}

/** "a, b and c". */
export function joinPhrases(phrases: readonly string[]): string {
  if (phrases.length < 2) return phrases.join('');
  return `${phrases.slice(0, -1).join(', ')} and ${phrases[phrases.length - 1]}`;
}

export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const verbFor = (claim: Claim): string => (claim.count === 1 ? 'is' : 'are');

export const backgroundPhrase = (scene: Scene): string =>
  BACKGROUNDS.find(({ name }) => name === scene.background)?.phrase ?? '';

/** Height of a line when a scene is read like a page. */
const READING_LINE = 32;

/** The true claims of a scene in reading order: line by line from the top, each from left to right. */
export function orderedClaims(scene: Scene): Claim[] {
  const { counts } = sceneTruth(scene);
  const placeOf = ({ x, y, size }: SceneObject) =>
    Math.floor((y + size / 2) / READING_LINE) * SCENE_SIZE + x + size / 2;
  const inOrder = [...scene.objects].sort((a, b) => placeOf(a) - placeOf(b));
  return [...new Set(inOrder.map(({ noun }) => noun))].map((noun) => ({ noun, count: counts[noun] }));
}

/** Adds at most one absent companion, directly after its host. */
export function withHabit(claims: Claim[], random: Random): Claim[] {
  const present = new Set(claims.map(({ noun }) => noun));
  for (const [index, { noun }] of claims.entries()) {
    const companion = companionOf(noun);
    if (present.has(companion) || !random.chance(HABIT_RATES[nounNamed(noun).habit])) continue;
    return [...claims.slice(0, index + 1), { noun: companion, count: 1 }, ...claims.slice(index + 1)];
  }
  return claims;
}

/**
 * The choices behind one caption, as numbers in [0, 1). They are drawn before
 * the claims are looked at, so that a corrupted caption keeps the sentence shape
 * of the clean one.
 */
type Manner = Record<'shape' | 'where' | 'split' | 'cut' | 'second' | 'relation' | 'wording', number>;

function drawManner(random: Random): Manner {
  const [shape, where, split, cut, second, relation, wording] = Array.from({ length: 7 }, () => random.next());
  return { shape, where, split, cut, second, relation, wording };
}

/** The item at a share of the way through a list. */
const itemAt = <T>(items: readonly T[], share: number): T => items[Math.floor(share * items.length)];

/** One sentence that lists the claims, with one of several openings. */
function listingSentence(claims: readonly Claim[], place: string, manner: Manner): string {
  const list = joinPhrases(claims.map(phraseOf));
  const where = manner.where < 0.6 ? ` ${place}` : '';
  const there = `there ${verbFor(claims[0])} ${list}`;
  const shapes = [
    `${capitalised(list)}${where}.`,
    `${capitalised(there)}${where}.`,
    `The picture shows ${list}${where}.`,
    `The image shows ${list}${where}.`,
    `I can see ${list}${where}.`,
    `This is a picture of ${list}${where}.`,
    `${capitalised(place)}, ${there}.`,
    `In the image, ${there}${where}.`,
  ];
  return itemAt(shapes, manner.shape);
}

/** Two sentences: the first names some claims, the second the rest. */
function twoSentences(claims: readonly Claim[], place: string, manner: Manner): string {
  const cut = 1 + Math.floor(manner.cut * (claims.length - 1));
  const rest = claims.slice(cut);
  const also = joinPhrases(rest.map(phraseOf));
  const second = itemAt([`There ${verbFor(rest[0])} also ${also}.`, `I can also see ${also}.`], manner.second);
  return `${listingSentence(claims.slice(0, cut), place, manner)} ${second}`;
}

/** A sentence about where two claimed nouns stand, or '' where the scene has no clear relation. */
function relationSentence(scene: Scene, claims: readonly Claim[], wording: number): string {
  const named = new Set(claims.map(({ noun }) => noun));
  const known = sceneTruth(scene).relations.filter((r) => named.has(r.subject) && named.has(r.object));
  if (known.length === 0) return '';
  const { subject, direction, object } = itemAt(known, wording);
  return ` The ${subject} is ${itemAt(RELATION_WORDS[direction], wording)} the ${object}.`;
}

/** Writes a caption that makes exactly these claims. */
export function writeCaption(scene: Scene, claims: readonly Claim[], random: Random): string {
  const manner = drawManner(random);
  const place = backgroundPhrase(scene);
  const split = claims.length > 2 && manner.split < 0.25;
  const listing = split ? twoSentences(claims, place, manner) : listingSentence(claims, place, manner);
  return manner.relation < 0.15 ? listing + relationSentence(scene, claims, manner.wording) : listing;
}

/** A caption of a scene; true in every word, and it names every object. */
export function captionOf(scene: Scene, seed: number): string {
  const random = new Random(seed, 1);
  return writeCaption(scene, orderedClaims(scene), random);
}

/** A caption as the biased instruction data has it: it may mention an absent companion. */
export function biasedCaptionOf(scene: Scene, seed: number): string {
  const random = new Random(seed, 2);
  return writeCaption(scene, withHabit(orderedClaims(scene), random), random);
}

/** What a corrupted caption gets wrong. */
export type Corruption = 'added' | 'swapped' | 'removed' | 'recounted';

/** An absent noun: often a companion of something present, else any. */
function absentNoun(claims: readonly Claim[], random: Random): string {
  const present = new Set(claims.map(({ noun }) => noun));
  const companions = claims.map(({ noun }) => companionOf(noun)).filter((noun) => !present.has(noun));
  if (companions.length > 0 && random.chance(0.5)) return random.pick(companions);
  for (;;) {
    const { noun } = random.pick(NOUNS);
    if (!present.has(noun)) return noun;
  }
}

/** The claims with one thing wrong; a lone claim is never removed. */
function corrupt(claims: readonly Claim[], kind: Corruption, random: Random): Claim[] {
  const at = random.below(claims.length);
  const before = claims.slice(0, at);
  const after = claims.slice(at + 1);
  switch (kind) {
    case 'added':
      return [...before, claims[at], { noun: absentNoun(claims, random), count: 1 }, ...after];
    case 'removed':
      if (claims.length > 1) return [...before, ...after];
      return [{ noun: absentNoun(claims, random), count: claims[at].count }];
    case 'swapped':
      return [...before, { noun: absentNoun(claims, random), count: claims[at].count }, ...after];
    case 'recounted': {
      const others = [1, 2, 3, 4].filter((count) => count !== claims[at].count);
      return [...before, { noun: claims[at].noun, count: random.pick(others) }, ...after];
    }
  }
}

/**
 * The caption of `captionOf(scene, seed)` with one thing wrong and, where the
 * grammar allows, everything else unchanged: for teaching and testing CLIP.
 */
export function corruptedCaptionOf(scene: Scene, seed: number, kind: Corruption): string {
  const random = new Random(seed, 1);
  const claims = orderedClaims(scene);
  return writeCaption(scene, corrupt(claims, kind, new Random(seed, 3)), random);
}
