/** CLIP-ranked preference pairs from Toybox scenes, made as the page makes them. */
import type { Engine, ImageInput, SampleRequest, TrainingPair } from '../../src/engine/engine.ts';
import { CLIP_CANDIDATES, sampleClipPair } from '../../src/preference/clip-pairs.ts';
import { DEFAULT_SETTINGS } from '../../src/state/defaults.ts';
import { randomScene, type Scene } from '../../src/toybox/index.ts';

/** Far from the held-out scenes (1,000,000) and from those the models learned on (10,000,000 and up). */
const FIRST_SCENE = 5_000_000;
const SCENES_PER_SEED = 10_000;

/** How answers are sampled; `n` of them compete in each scene. */
export type Sampling = Pick<SampleRequest, 'n' | 'temperature' | 'topP' | 'maxTokens'>;

export interface PairOptions {
  readonly pairs: number;
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

/** Takes scenes until there are enough pairs; a scene whose answers are all the same, or score alike, gives none. */
export async function rankedPairs(
  engine: Pick<Engine, 'sample' | 'clipScore'>,
  { pairs: wanted, sampling, seed, picture, onProgress }: PairOptions,
): Promise<RankedPair[]> {
  const pairs: RankedPair[] = [];
  const first = FIRST_SCENE + seed * SCENES_PER_SEED;
  const { prompt, temperature, topP, maxTokens } = DEFAULT_SETTINGS;
  const how: Sampling = { n: CLIP_CANDIDATES, temperature, topP, maxTokens, ...sampling };
  for (let scene = first; pairs.length < wanted; scene++) {
    if (scene - first >= SCENES_PER_SEED) throw new Error(`${SCENES_PER_SEED} scenes gave only ${pairs.length} pairs`);
    const image = await picture(randomScene(scene));
    const request = { image, prompt, ...how, seed: seed * 7919 + scene };
    const pair = await sampleClipPair(engine, { ...request, model: 'reference' });
    if (!pair) continue;
    const { chosen, rejected } = pair;
    pairs.push({
      scene,
      image,
      prompt,
      chosen: chosen.text,
      rejected: rejected.text,
      inputs: { scoreChosen: chosen.clip, scoreRejected: rejected.clip },
    });
    onProgress(pairs.length, wanted);
  }
  return pairs;
}
