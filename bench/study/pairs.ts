/** CLIP-ranked preference pairs from Toybox scenes, made as the page makes them. */
import type { Engine, ImageInput, SampleRequest, TrainingPair } from '../../src/engine/engine.ts';
import { balancedPairs } from '../../src/preference/balanced-pairs.ts';
import { type JudgedPair, PAIR_CANDIDATES, sampleJudgedPairs } from '../../src/preference/judged-pairs.ts';
import { JUDGES } from '../../src/preference/judges.ts';
import { truthOf } from '../../src/preference/truth.ts';
import { DEFAULT_SETTINGS } from '../../src/state/defaults.ts';
import { randomScene, type Scene } from '../../src/toybox/index.ts';

/** Far from the held-out scenes (1,000,000) and from those the models learned on (10,000,000 and up). */
const FIRST_SCENE = 5_000_000;
const SCENES_PER_SEED = 10_000;

/** How answers are sampled; `n` of them compete in each scene. */
export type Sampling = Pick<SampleRequest, 'n' | 'temperature' | 'topP' | 'maxTokens'>;

export interface PairOptions {
  /** Pairs to keep. */
  readonly pairs: number;
  /** Scenes that are sampled for them. */
  readonly images: number;
  /** Deviations from what the page does. */
  readonly sampling: Partial<Sampling>;
  readonly seed: number;
  readonly picture: (scene: Scene) => Promise<ImageInput>;
  readonly onProgress: (done: number, total: number) => void;
}

export interface RankedPair extends TrainingPair {
  readonly scene: number;
  readonly inputs: { readonly scoreChosen: number; readonly scoreRejected: number };
}

/**
 * Makes pairs of the answers to each scene and keeps the mixture that the page keeps.
 * @throws RangeError when the scenes give too few.
 */
export async function rankedPairs(
  engine: Pick<Engine, 'sample' | 'clipScore'>,
  { pairs: wanted, images, sampling, seed, picture, onProgress }: PairOptions,
): Promise<RankedPair[]> {
  const { prompt, temperature, topP, maxTokens } = DEFAULT_SETTINGS;
  const how: Sampling = { n: PAIR_CANDIDATES, temperature, topP, maxTokens, ...sampling };
  const found: { readonly scene: number; readonly image: ImageInput; readonly pairs: readonly JudgedPair[] }[] = [];
  for (let index = 0; index < images; index++) {
    const number = FIRST_SCENE + seed * SCENES_PER_SEED + index;
    const scene = randomScene(number);
    const image = await picture(scene);
    const request = { image, prompt, ...how, seed: seed * 7919 + number };
    const evidence = { engine, truth: async () => truthOf({ scene })! };
    const pairs = await sampleJudgedPairs(JUDGES.clip, evidence, { ...request, model: 'reference' });
    if (pairs.length > 0) found.push({ scene: number, image, pairs });
    onProgress(index + 1, images);
  }
  if (found.length < wanted) throw new RangeError(`${images} scenes gave only ${found.length} pairs.`);
  return balancedPairs(found, wanted).map(({ scene, image, pair: { chosen, rejected } }) => ({
    scene,
    image,
    prompt,
    chosen: chosen.text,
    rejected: rejected.text,
    inputs: { scoreChosen: chosen.score, scoreRejected: rejected.score },
  }));
}
