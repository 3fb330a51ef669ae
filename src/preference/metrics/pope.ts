/**
 * POPE (Li et al. 2023): yes/no questions about objects that are there and as
 * many about objects that are not, chosen in three ways.
 */

/** How absent objects are chosen. */
export type PopeSetting = 'random' | 'popular' | 'adversarial';
export const POPE_SETTINGS: readonly PopeSetting[] = ['random', 'popular', 'adversarial'];

export interface PopeQuestion {
  /** Index of the scene. */
  readonly scene: number;
  readonly noun: string;
  readonly present: boolean;
}

/** How often objects occur, and occur together, in a set of scenes. */
export interface ObjectStatistics {
  readonly frequency: ReadonlyMap<string, number>;
  together(a: string, b: string): number;
}

/** Counts objects and pairs of objects; each object counts once per scene. */
export function objectStatistics(truths: readonly (readonly string[])[]): ObjectStatistics {
  const frequency = new Map<string, number>();
  const pairs = new Map<string, number>();
  const keyOf = (a: string, b: string) => (a < b ? `${a}|${b}` : `${b}|${a}`);
  for (const truth of truths) {
    const objects = [...new Set(truth)];
    for (const [index, a] of objects.entries()) {
      frequency.set(a, (frequency.get(a) ?? 0) + 1);
      for (const b of objects.slice(index + 1)) pairs.set(keyOf(a, b), (pairs.get(keyOf(a, b)) ?? 0) + 1);
    }
  }
  return { frequency, together: (a, b) => pairs.get(keyOf(a, b)) ?? 0 };
}

/** The absent nouns to ask about, best first. */
function absentInOrder(
  truth: readonly string[],
  absent: readonly string[],
  setting: PopeSetting,
  statistics: ObjectStatistics,
  random: { shuffled<T>(items: readonly T[]): T[] },
): string[] {
  if (setting === 'random') return random.shuffled(absent);
  const popularity = (noun: string) => statistics.frequency.get(noun) ?? 0;
  const closeness = (noun: string) =>
    setting === 'popular' ? 0 : truth.reduce((sum, host) => sum + statistics.together(host, noun), 0);
  return [...absent].sort((a, b) => closeness(b) - closeness(a) || popularity(b) - popularity(a) || (a < b ? -1 : 1));
}

/**
 * For each scene `k` present and `k` absent objects (fewer where the scene holds
 * fewer), present first.
 * @param doubtful per scene: nouns that may be there, which nobody is asked about
 */
export function popeQuestions(
  truths: readonly (readonly string[])[],
  vocabulary: readonly string[],
  setting: PopeSetting,
  statistics: ObjectStatistics,
  random: { shuffled<T>(items: readonly T[]): T[] },
  k = 3,
  doubtful: readonly (readonly string[])[] = [],
): PopeQuestion[] {
  return truths.flatMap((truth, scene) => {
    const present = random.shuffled([...new Set(truth)]).slice(0, k);
    const others = vocabulary.filter((noun) => !truth.includes(noun) && !doubtful[scene]?.includes(noun));
    const absent = absentInOrder(truth, others, setting, statistics, random).slice(0, present.length);
    return [
      ...present.map((noun) => ({ scene, noun, present: true })),
      ...absent.map((noun) => ({ scene, noun, present: false })),
    ];
  });
}

/**
 * Reads an answer as the official evaluation does: text up to the first full
 * stop, commas removed, split at blanks; `No`, `not` or `no` means no, anything
 * else yes.
 */
export function saysYes(answer: string): boolean {
  const words = answer.split('.')[0].replaceAll(',', '').split(' ');
  return !words.some((word) => word === 'No' || word === 'not' || word === 'no');
}

export interface PopeResult {
  readonly questions: number;
  readonly accuracy: number;
  /** Positive class: yes. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly yesShare: number;
}

/** Scores answers, one per question, in the same order. */
export function scorePope(questions: readonly PopeQuestion[], answers: readonly string[]): PopeResult {
  if (answers.length !== questions.length) {
    throw new RangeError(`${questions.length} questions but ${answers.length} answers`);
  }
  const said = answers.map(saysYes);
  const count = (yes: boolean, present: boolean) =>
    questions.filter((question, i) => said[i] === yes && question.present === present).length;
  const truePositives = count(true, true);
  const falsePositives = count(true, false);
  const falseNegatives = count(false, true);
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  const precision = share(truePositives, truePositives + falsePositives);
  const recall = share(truePositives, truePositives + falseNegatives);
  return {
    questions: questions.length,
    accuracy: share(truePositives + count(false, false), questions.length),
    precision,
    recall,
    f1: share(2 * precision * recall, precision + recall),
    yesShare: share(truePositives + falsePositives, questions.length),
  };
}
