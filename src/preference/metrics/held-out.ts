/**
 * The held-out examination: scenes that no training stage saw, with every
 * question that `models/README.md` reports on. The recipe and the page build it
 * from the same seeds, so their tables can be compared.
 */
import {
  captionOf,
  companionOf,
  corruptedCaptionOf,
  countQuestion,
  DESCRIBE_PROMPTS,
  existsQuestion,
  mentionedNouns,
  NOUNS,
  Random,
  randomScene,
  type Scene,
  sceneTruth,
} from '../../toybox/index.ts';
import { type ChairResult, chair, type Description, habitualShare } from './chair.ts';
import { pairAccuracy, rankedFirst } from './clip-ranking.ts';
import { type CountingResult, scoreCounting } from './counting.ts';
import {
  type ObjectStatistics,
  objectStatistics,
  POPE_SETTINGS,
  type PopeQuestion,
  type PopeResult,
  type PopeSetting,
  popeQuestions,
  scorePope,
} from './pope.ts';

/** First seed of the examination; training seeds begin at ten million. */
export const HELD_OUT_SEED = 1_000_000;
/** Scenes whose statistics say which objects are popular and which occur together. */
const STATISTICS_SEED = 2_000_000;
const STATISTICS_SCENES = 4_000;
/** Captions that compete for each picture. */
export const RANKING_CANDIDATES = 100;

/** A question for the VLM; `scene` is an index into the examination's scenes. */
export interface Asked {
  readonly scene: number;
  readonly prompt: string;
}

export interface Examination {
  readonly seeds: readonly number[];
  readonly scenes: readonly Scene[];
  readonly describe: readonly Asked[];
  readonly pope: Readonly<Record<PopeSetting, readonly (Asked & PopeQuestion)[]>>;
  /** One question per scene; the true counts 1 to 4 are asked about as evenly as the scenes allow. */
  readonly count: readonly (Asked & { readonly truth: number })[];
  /** Per scene: its clean caption, and the same with one object added that is not there. */
  readonly captions: readonly { readonly clean: string; readonly added: string }[];
}

let worldStatistics: ObjectStatistics | undefined;

function statistics(): ObjectStatistics {
  worldStatistics ??= objectStatistics(
    Array.from({ length: STATISTICS_SCENES }, (_, i) => sceneTruth(randomScene(STATISTICS_SEED + i)).objects),
  );
  return worldStatistics;
}

/** The noun to count in each scene: the one whose count has been asked about least so far. */
function countQuestions(scenes: readonly Scene[]): (Asked & { truth: number })[] {
  const asked = [0, 0, 0, 0, 0, 0];
  return scenes.flatMap((scene, index) => {
    const counts = Object.entries(sceneTruth(scene).counts).filter(([, count]) => count <= 4);
    if (counts.length === 0) return [];
    const [noun, truth] = counts.reduce((best, next) => (asked[next[1]] < asked[best[1]] ? next : best));
    asked[truth]++;
    return [{ scene: index, prompt: countQuestion(noun), truth }];
  });
}

/** The examination over `size` held-out scenes. */
export function heldOutExamination(size: number, firstSeed = HELD_OUT_SEED): Examination {
  const seeds = Array.from({ length: size }, (_, i) => firstSeed + i);
  const scenes = seeds.map((seed) => randomScene(seed));
  const truths = scenes.map((scene) => sceneTruth(scene).objects);
  const vocabulary = NOUNS.map(({ noun }) => noun);
  const pope = Object.fromEntries(
    POPE_SETTINGS.map((setting) => {
      const questions = popeQuestions(truths, vocabulary, setting, statistics(), new Random(firstSeed, 9));
      return [setting, questions.map((question) => ({ ...question, prompt: existsQuestion(question.noun) }))];
    }),
  ) as unknown as Examination['pope'];
  return {
    seeds,
    scenes,
    describe: scenes.map((_, scene) => ({ scene, prompt: DESCRIBE_PROMPTS[0] })),
    pope,
    count: countQuestions(scenes),
    captions: scenes.map((scene, i) => ({
      clean: captionOf(scene, seeds[i]),
      added: corruptedCaptionOf(scene, seeds[i], 'added'),
    })),
  };
}

/** The VLM's answers, in the order of the examination's questions. */
export interface VlmAnswers {
  readonly describe: readonly string[];
  readonly pope?: Readonly<Record<PopeSetting, readonly string[]>>;
  readonly count?: readonly string[];
}

export interface VlmReport extends ChairResult {
  /** Share of hallucinated mentions that are the habitual companion of something in the scene. */
  readonly habitualShare: number;
  readonly pope?: Readonly<Record<PopeSetting, PopeResult>>;
  readonly counting?: CountingResult;
}

/** Descriptions reduced to nouns, with the truth of their scenes. */
export function describedNouns(examination: Examination, answers: readonly string[]): Description[] {
  return examination.scenes.map((scene, i) => ({
    mentions: mentionedNouns(answers[i]),
    truth: sceneTruth(scene).objects,
  }));
}

/** All measures of the VLM. */
export function gradeVlm(examination: Examination, answers: VlmAnswers): VlmReport {
  const descriptions = describedNouns(examination, answers.describe);
  const pope = answers.pope;
  return {
    ...chair(descriptions),
    habitualShare: habitualShare(descriptions, companionOf),
    pope:
      pope &&
      (Object.fromEntries(
        POPE_SETTINGS.map((setting) => [setting, scorePope(examination.pope[setting], pope[setting])]),
      ) as Record<PopeSetting, PopeResult>),
    counting:
      answers.count &&
      scoreCounting(
        examination.count.map(({ truth }) => truth),
        answers.count,
      ),
  };
}

/** What CLIP says: per scene the score of its added-object caption, and of the clean captions of its group of scenes. */
export interface ClipScores {
  readonly added: readonly number[];
  /** Row i: scene i against the clean captions of its block of `RANKING_CANDIDATES` scenes, in order. */
  readonly block: readonly (readonly number[])[];
}

/** CLIP's two measures: right caption first among 100, and clean above hallucinated. */
export function gradeClip({ added, block }: ClipScores): { rankedFirst: number; cleanAboveAdded: number } {
  const own = block.map((_, i) => i % RANKING_CANDIDATES);
  return {
    rankedFirst: rankedFirst(block, own),
    cleanAboveAdded: pairAccuracy(
      block.map((row, i) => row[own[i]]),
      added,
    ),
  };
}
