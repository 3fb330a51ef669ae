/**
 * The held-out examination through the engine: greedy descriptions of Toybox scenes that no training stage saw, and
 * what they invent (CHAIR-i) and mention (cover); and yes / no questions about objects that are there and that are not
 * (POPE).
 */
import type { CallOptions, Engine, ImageInput } from '../engine/engine.ts';
import type { Scene } from '../toybox/index.ts';
import {
  type Asked,
  gradeVlm,
  heldOutExamination,
  POPE_SETTINGS,
  type PopeSetting,
  scorePope,
  type VlmReport,
} from './metrics/index.ts';

export interface HeldOutOptions extends CallOptions {
  readonly scenes: number;
  readonly model: 'policy' | 'reference';
  /** The picture of a scene, as the engine takes it. */
  readonly picture: (scene: Scene) => Promise<ImageInput>;
  readonly maxTokens?: number;
  /** Scenes, from the first, that are also asked about (POPE): up to six questions in each of three settings. Default 0. */
  readonly popeScenes?: number;
}

export interface HeldOutReport extends VlmReport {
  /** The descriptions, in the order of the scenes. */
  readonly answers: readonly string[];
}

/** Long enough for every description the bundled model gives. */
const MAX_TOKENS = 64;
/** Long enough for "Yes, there is a ..."; the word that counts comes first. */
const POPE_TOKENS = 16;

/**
 * Describes `scenes` held-out scenes greedily, answers POPE's questions about the first of them, and grades both.
 * `onProgress` hears of every answer. A question that several settings ask is asked once.
 * @throws CancelledError when the signal fires between tokens.
 */
export async function evaluateHeldOut(
  engine: Pick<Engine, 'sample'>,
  { scenes, model, picture, maxTokens = MAX_TOKENS, popeScenes = 0, signal, onProgress }: HeldOutOptions,
): Promise<HeldOutReport> {
  const examination = heldOutExamination(scenes);
  const pope = (setting: PopeSetting) => examination.pope[setting].filter(({ scene }) => scene < popeScenes);
  const questions = new Map(POPE_SETTINGS.flatMap(pope).map((asked) => [keyOf(asked), asked]));
  const total = scenes + questions.size;
  let done = 0;
  onProgress?.(done, total);
  const answer = async ({ scene, prompt }: Asked, longest: number): Promise<string> => {
    let text = '';
    const image = await picture(examination.scenes[scene]);
    const request = { image, prompt, n: 1, temperature: 0, topP: 1, maxTokens: longest, seed: 0, model };
    for await (const event of engine.sample(request, { signal })) {
      if (event.type === 'done') text = event.candidate.text;
    }
    onProgress?.(++done, total);
    return text;
  };
  const answers: string[] = [];
  for (const asked of examination.describe) answers.push(await answer(asked, maxTokens));
  const report = { ...gradeVlm(examination, { describe: answers }), answers };
  if (questions.size === 0) return report;
  const said = new Map<string, string>();
  for (const [key, asked] of questions) said.set(key, await answer(asked, POPE_TOKENS));
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
