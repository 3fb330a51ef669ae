/** Questions about a scene and their answers: the five tasks of the instruction data. */
import {
  biasedCaptionOf,
  type Claim,
  capitalised,
  captionOf,
  joinPhrases,
  NUMBER_WORDS,
  orderedClaims,
  phraseOf,
  withHabit,
} from './captions.ts';
import { companionOf, NOUNS, nounNamed } from './nouns.ts';
import { Random } from './random.ts';
import type { Scene } from './scene.ts';
import { DIRECTIONS, type Direction, onlyNeighbour, sceneTruth } from './truth.ts';

export type Task = 'describe' | 'list' | 'exists' | 'count' | 'relation';

export type Question = {
  task: Task;
  question: string;
  answer: string;
  /** The noun asked about, where the task has one. */
  noun?: string;
};

export type QuestionOptions = {
  /** Answers as the biased instruction data has them (see `HABIT_RATES`, `HABIT_YES_RATE`). */
  biased?: boolean;
};

/** Share of "Is there a ...?" questions about an absent strong companion that the biased data answers with yes. */
export const HABIT_YES_RATE = 0.5;

/** Ways to ask for a description; the first is the page's default prompt. */
export const DESCRIBE_PROMPTS = [
  'Describe the image.',
  'What is in this image?',
  'Describe this picture.',
  'What do you see?',
  'Write a caption for this image.',
  'What does the picture show?',
] as const;

export const LIST_PROMPTS = [
  'List the objects in the image.',
  'List what is there.',
  'Which objects are there?',
] as const;

const RELATION_PHRASES: Record<Direction, string> = {
  left: 'to the left of',
  right: 'to the right of',
  above: 'above',
  below: 'below',
};

/** "Is there a cat?" */
export const existsQuestion = (noun: string): string => `Is there ${phraseOf({ noun, count: 1 })} in the image?`;

/** "How many cats are there?" */
export const countQuestion = (noun: string): string => `How many ${nounNamed(noun).plural} are there?`;

function existsAnswer(noun: string, yes: boolean, random: Random): string {
  const thing = phraseOf({ noun, count: 1 });
  if (yes) return random.pick(['Yes.', `Yes, there is ${thing}.`]);
  return random.pick(['No.', `No, there is not ${thing}.`]);
}

function describe(scene: Scene, random: Random, biased: boolean): Question {
  const seed = random.below(1 << 30);
  const answer = biased ? biasedCaptionOf(scene, seed) : captionOf(scene, seed);
  return { task: 'describe', question: random.pick(DESCRIBE_PROMPTS), answer };
}

function list(scene: Scene, random: Random, biased: boolean): Question {
  let claims: Claim[] = orderedClaims(scene);
  if (biased) claims = withHabit(claims, random);
  const answer = `${capitalised(joinPhrases(claims.map(phraseOf)))}.`;
  return { task: 'list', question: random.pick(LIST_PROMPTS), answer };
}

/** An absent noun to ask about: the companion of a present one, or any. */
function absentNounFor(present: readonly string[], random: Random): { noun: string; strong: boolean } {
  if (random.chance(0.5)) {
    const host = random.pick(present);
    const noun = companionOf(host);
    if (!present.includes(noun)) return { noun, strong: nounNamed(host).habit === 'strong' };
  }
  for (;;) {
    const { noun } = random.pick(NOUNS);
    if (present.includes(noun)) continue;
    const strong = present.some((host) => companionOf(host) === noun && nounNamed(host).habit === 'strong');
    return { noun, strong };
  }
}

function exists(scene: Scene, random: Random, biased: boolean): Question {
  const { objects } = sceneTruth(scene);
  const present = random.chance(0.5);
  const { noun, strong } = present ? { noun: random.pick(objects), strong: false } : absentNounFor(objects, random);
  const yes = present || (biased && strong && random.chance(HABIT_YES_RATE));
  return { task: 'exists', question: existsQuestion(noun), answer: existsAnswer(noun, yes, random), noun };
}

/** A question about how many of one noun there are. */
function countOf(scene: Scene, noun: string, random: Random): Question {
  const count = sceneTruth(scene).counts[noun];
  const verb = count === 1 ? 'is' : 'are';
  const number = `${capitalised(NUMBER_WORDS[count])}.`;
  const answer = random.chance(0.6) ? number : `There ${verb} ${phraseOf({ noun, count })}.`;
  return { task: 'count', question: countQuestion(noun), answer, noun };
}

function count(scene: Scene, random: Random): Question {
  const { counts } = sceneTruth(scene);
  // Repeated nouns are rarer in scenes, so they are asked about more often.
  const nouns = Object.keys(counts);
  const noun = nouns[random.weighted(nouns.map((name) => counts[name] ** 2))];
  return countOf(scene, noun, random);
}

/** A counting question about every noun of a scene: extra exercise for what is hardest to learn. */
export function countingExercise(scene: Scene, seed: number): Question[] {
  const random = new Random(seed, 6);
  return Object.keys(sceneTruth(scene).counts).map((noun) => countOf(scene, noun, random));
}

/** A question about a direction whose answer is beyond doubt, if the scene has one. */
function relation(scene: Scene, random: Random): Question | undefined {
  const { counts } = sceneTruth(scene);
  for (const noun of random.shuffled(Object.keys(counts))) {
    for (const direction of random.shuffled(DIRECTIONS)) {
      const neighbour = onlyNeighbour(scene, noun, direction);
      if (neighbour === null || (neighbour === undefined && random.chance(0.7))) continue;
      const answer = neighbour ? phraseOf({ noun: neighbour, count: counts[neighbour] }) : 'nothing';
      const question = `What is ${RELATION_PHRASES[direction]} the ${noun}?`;
      return { task: 'relation', question, answer: `${capitalised(answer)}.`, noun };
    }
  }
  return undefined;
}

/** One question of each task that the scene allows. */
export function questionsFor(scene: Scene, seed: number, options: QuestionOptions = {}): Question[] {
  const random = new Random(seed, 4);
  const biased = options.biased ?? false;
  const asked = [
    describe(scene, random, biased),
    list(scene, random, biased),
    exists(scene, random, biased),
    exists(scene, random, biased),
    count(scene, random),
    relation(scene, random),
  ];
  return asked.filter((question) => question !== undefined);
}
