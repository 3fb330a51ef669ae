/**
 * A held-out examination through the engine: greedy descriptions of pictures that no training stage saw, and what they
 * invent (CHAIR-i) and mention (cover); and yes / no questions about objects that are there and that are not (POPE).
 */
import type { CallOptions, Engine, ImageInput } from '../engine/engine.ts';
import { throwIfCancelled } from '../errors.ts';
import type { Exam } from './examinations.ts';
import {
  type Asked,
  type ChairResult,
  POPE_SETTINGS,
  type PopeResult,
  type PopeSetting,
  scorePope,
} from './metrics/index.ts';

export interface HeldOutOptions extends CallOptions {
  readonly model: 'policy' | 'reference';
  readonly maxTokens?: number;
  /** Pictures, from the first, that are also asked about (POPE): up to six questions in each of three settings. Default 0. */
  readonly popeScenes?: number;
}

export interface HeldOutReport extends ChairResult {
  /** The descriptions, in the order of the pictures. */
  readonly answers: readonly string[];
  readonly pope?: Readonly<Record<PopeSetting, PopeResult>>;
}

/** Long enough for every description the bundled model gives. */
const MAX_TOKENS = 64;
/** Long enough for "Yes, there is a ..."; the word that counts comes first. */
const POPE_TOKENS = 16;

/**
 * Describes the pictures of an examination greedily, answers POPE's questions about the first of them, and grades both.
 * Descriptions are written side by side, and so are the answers to questions; `onProgress` hears of every one. A question
 * that several settings ask is asked once.
 * @throws CancelledError when the signal fires between tokens.
 */
export async function evaluateHeldOut(
  engine: Pick<Engine, 'sampleBatch'>,
  exam: Exam,
  { model, maxTokens = MAX_TOKENS, popeScenes = 0, signal, onProgress }: HeldOutOptions,
): Promise<HeldOutReport> {
  const { length } = exam.describe;
  const pope = (setting: PopeSetting) => exam.pope[setting].filter(({ scene }) => scene < popeScenes);
  const questions = new Map(POPE_SETTINGS.flatMap(pope).map((asked) => [keyOf(asked), asked]));
  const total = length + questions.size;
  onProgress?.(0, total);
  const asking = { maxTokens, model, picture: exam.picture, signal };
  const answers = await greedyAnswers(engine, exam.describe, {
    ...asking,
    onProgress: (done) => onProgress?.(done, total),
  });
  const report = { ...exam.grade(answers), answers };
  if (questions.size === 0) return report;
  const texts = await greedyAnswers(engine, [...questions.values()], {
    ...asking,
    maxTokens: POPE_TOKENS,
    onProgress: (done) => onProgress?.(length + done, total),
  });
  const said = new Map([...questions.keys()].map((key, i) => [key, texts[i]]));
  const graded = POPE_SETTINGS.map((setting) => {
    const asked = pope(setting);
    return [
      setting,
      scorePope(
        asked,
        asked.map((each) => said.get(keyOf(each))!),
      ),
    ] as const;
  });
  return { ...report, pope: Object.fromEntries(graded) as HeldOutReport['pope'] };
}

const keyOf = ({ scene, prompt }: Asked): string => `${scene} ${prompt}`;

export interface AskingOptions extends CallOptions {
  /** The picture that questions mean by `scene`. */
  readonly picture: (scene: number) => Promise<ImageInput>;
  /** Default: the policy. */
  readonly model?: HeldOutOptions['model'];
  /** Tokens of the longest answer. */
  readonly maxTokens: number;
}

/**
 * Greedy answers to questions of an examination, in their order. Each picture is made once.
 * @throws CancelledError when the signal fires between tokens or pictures.
 */
export async function greedyAnswers(
  engine: Pick<Engine, 'sampleBatch'>,
  asked: readonly Asked[],
  { picture, model, maxTokens, signal, onProgress }: AskingOptions,
): Promise<string[]> {
  if (asked.length === 0) return [];
  const pictures = new Map<number, ImageInput>();
  for (const { scene } of asked) {
    throwIfCancelled(signal);
    if (!pictures.has(scene)) pictures.set(scene, await picture(scene));
  }
  const prompts = asked.map(({ scene, prompt }) => ({ image: pictures.get(scene)!, prompt }));
  const request = { prompts, temperature: 0, topP: 1, maxTokens, seed: 0, model };
  const answers = asked.map(() => '');
  for await (const { prompt, candidate } of engine.sampleBatch(request, { signal, onProgress })) {
    answers[prompt] = candidate.text;
  }
  return answers;
}
