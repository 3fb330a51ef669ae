/**
 * The held-out examination through the engine: greedy descriptions of Toybox scenes that no training stage saw, and
 * what they invent (CHAIR-i) and mention (cover).
 */
import type { CallOptions, Engine, ImageInput } from '../engine/engine.ts';
import type { Scene } from '../toybox/index.ts';
import { gradeVlm, heldOutExamination, type VlmReport } from './metrics/index.ts';

export interface HeldOutOptions extends CallOptions {
  readonly scenes: number;
  readonly model: 'policy' | 'reference';
  /** The picture of a scene, as the engine takes it. */
  readonly picture: (scene: Scene) => Promise<ImageInput>;
  readonly maxTokens?: number;
}

export interface HeldOutReport extends VlmReport {
  /** The descriptions, in the order of the scenes. */
  readonly answers: readonly string[];
}

/** Long enough for every description the bundled model gives. */
const MAX_TOKENS = 64;

/**
 * Describes `scenes` held-out scenes greedily and grades the descriptions. `onProgress` hears of every scene.
 * @throws CancelledError when the signal fires between tokens.
 */
export async function evaluateHeldOut(
  engine: Pick<Engine, 'sample'>,
  { scenes, model, picture, maxTokens = MAX_TOKENS, signal, onProgress }: HeldOutOptions,
): Promise<HeldOutReport> {
  const examination = heldOutExamination(scenes);
  const answers: string[] = [];
  onProgress?.(0, scenes);
  for (const { scene, prompt } of examination.describe) {
    const image = await picture(examination.scenes[scene]);
    const request = { image, prompt, n: 1, temperature: 0, topP: 1, maxTokens, seed: 0, model };
    for await (const event of engine.sample(request, { signal })) {
      if (event.type === 'done') answers.push(event.candidate.text);
    }
    onProgress?.(answers.length, scenes);
  }
  return { ...gradeVlm(examination, { describe: answers }), answers };
}
