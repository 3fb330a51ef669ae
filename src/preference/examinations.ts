/**
 * What a model is examined on: pictures of its world that no training saw, with the truth of each. A Toybox scene knows
 * its truth; in a photograph it is what the detector sees, and what it is not sure of is left out on both sides.
 */
import type { CallOptions, Engine, ImageInput, World } from '../engine/engine.ts';
import { throwIfCancelled } from '../errors.ts';
import {
  DESCRIBE_PHOTOGRAPH,
  doubtful,
  objectsSeen,
  PHOTO_NOUNS,
  presenceQuestion,
  type Seen,
} from '../photographs/index.ts';
import { HELD_OUT_PHOTOGRAPHS, type Photograph } from '../photographs/pictures.ts';
import { PHOTO_FREQUENCY, photosWithBoth } from '../photographs/together.ts';
import { Random, type Scene } from '../toybox/index.ts';
import {
  type Asked,
  type ChairResult,
  chair,
  gradeVlm,
  HELD_OUT_SEED,
  heldOutExamination,
  POPE_SETTINGS,
  type PopeQuestion,
  type PopeSetting,
  popeQuestions,
} from './metrics/index.ts';
import { mentionsIn } from './truth.ts';

/** An examination ready to be taken: pictures by index, with questions about them. */
export interface Exam {
  picture(index: number): Promise<ImageInput>;
  /** One for each picture, in their order. */
  readonly describe: readonly Asked[];
  readonly pope: Readonly<Record<PopeSetting, readonly (Asked & PopeQuestion)[]>>;
  /** What the descriptions, in the order of `describe`, invent and mention. */
  grade(descriptions: readonly string[]): ChairResult;
}

/** Where pictures and truths come from. */
export interface ExamTools {
  /** The picture of a scene, as the engine takes it. */
  readonly drawn: (scene: Scene) => Promise<ImageInput>;
  /** A photograph of the page, as the engine takes it. */
  readonly photograph: (photograph: Photograph) => Promise<ImageInput>;
  readonly look: Engine['look'];
}

export interface WorldExamination {
  readonly world: World;
  /** Its pictures, for sentences: "1 scene", "14 photographs". */
  readonly one: string;
  readonly many: string;
  /** Pictures there are. */
  readonly most: number;
  /**
   * The examination over the first `size` pictures.
   * @throws CancelledError; what `tools` throw.
   */
  prepare(size: number, tools: ExamTools, options?: CallOptions): Promise<Exam>;
}

/** Toybox scenes that no training stage saw, as the recipe and `bench/study` examine on them. */
export function toyboxExam(size: number, drawn: ExamTools['drawn']): Exam {
  const examination = heldOutExamination(size);
  const { scenes, describe, pope } = examination;
  return {
    picture: (index) => drawn(scenes[index]),
    describe,
    pope,
    grade: (answers) => gradeVlm(examination, { describe: answers }),
  };
}

/** The bundled held-out photographs, with what the detector sees in them. */
async function photographsExam(
  size: number,
  { photograph, look }: ExamTools,
  { signal, onProgress }: CallOptions = {},
): Promise<Exam> {
  const pictures: ImageInput[] = [];
  const seen: Seen[] = [];
  for (const each of HELD_OUT_PHOTOGRAPHS.slice(0, size)) {
    throwIfCancelled(signal);
    onProgress?.(pictures.length, size);
    const image = await photograph(each);
    pictures.push(image);
    seen.push(await look({ image }, { signal }));
  }
  return examSeen(pictures, seen);
}

/** The examination over photographs in which a detector saw this. */
export function examSeen(pictures: readonly ImageInput[], seen: readonly Seen[]): Exam {
  const truths = seen.map(objectsSeen);
  const doubts = seen.map(doubtful);
  const nouns = PHOTO_NOUNS.map(({ noun }) => noun);
  const statistics = { frequency: PHOTO_FREQUENCY, together: photosWithBoth };
  const questions = (setting: PopeSetting) =>
    popeQuestions(truths, nouns, setting, statistics, new Random(HELD_OUT_SEED, 9), 3, doubts).map((question) => ({
      ...question,
      prompt: presenceQuestion(question.noun),
    }));
  return {
    picture: async (index) => pictures[index],
    describe: pictures.map((_, scene) => ({ scene, prompt: DESCRIBE_PHOTOGRAPH })),
    pope: Object.fromEntries(POPE_SETTINGS.map((setting) => [setting, questions(setting)])) as unknown as Exam['pope'],
    grade: (answers) =>
      chair(
        answers.map((text, i) => ({
          mentions: mentionsIn(text, 'detector').map(({ noun }) => noun),
          truth: truths[i],
          doubtful: doubts[i],
        })),
      ),
  };
}

/** One for each world. */
export const EXAMINATIONS: readonly WorldExamination[] = [
  {
    world: 'toybox',
    one: 'scene',
    many: 'scenes',
    most: Number.POSITIVE_INFINITY,
    prepare: async (size, { drawn }) => toyboxExam(size, drawn),
  },
  {
    world: 'photographs',
    one: 'photograph',
    many: 'photographs',
    most: HELD_OUT_PHOTOGRAPHS.length,
    prepare: photographsExam,
  },
];

export function examinationFor(world: World): WorldExamination {
  return EXAMINATIONS.find((each) => each.world === world)!;
}
