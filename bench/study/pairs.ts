/** CLIP-ranked preference pairs from Toybox scenes: several answers per scene, the best-scored over the worst-scored. */
import type { Engine, ImageInput, TrainingPair } from '../../src/engine/engine.ts';
import { DESCRIBE_PROMPTS, randomScene, type Scene } from '../../src/toybox/index.ts';

/** Far from the held-out scenes (1,000,000) and from those the models learned on (10,000,000 and up). */
const FIRST_SCENE = 5_000_000;
const SCENES_PER_SEED = 10_000;

export interface PairOptions {
  readonly pairs: number;
  /** Answers that compete in each scene. */
  readonly candidates: number;
  readonly temperature: number;
  readonly maxTokens: number;
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
  { pairs: wanted, candidates, temperature, maxTokens, seed, picture, onProgress }: PairOptions,
): Promise<RankedPair[]> {
  const pairs: RankedPair[] = [];
  const first = FIRST_SCENE + seed * SCENES_PER_SEED;
  for (let scene = first; pairs.length < wanted; scene++) {
    if (scene - first >= SCENES_PER_SEED) throw new Error(`${SCENES_PER_SEED} scenes gave only ${pairs.length} pairs`);
    const image = await picture(randomScene(scene));
    const prompt = DESCRIBE_PROMPTS[0];
    const request = { image, prompt, n: candidates, temperature, topP: 1, maxTokens, seed: seed * 7919 + scene };
    const answers = new Set<string>();
    for await (const event of engine.sample({ ...request, model: 'reference' })) {
      if (event.type === 'done' && event.candidate.finish === 'stop') answers.add(event.candidate.text.trim());
    }
    const texts = [...answers].filter((text) => text.length > 0);
    if (texts.length < 2) continue;
    const scores = await engine.clipScore({ image, texts });
    const order = scores.map((_, index) => index).sort((a, b) => scores[b] - scores[a]);
    const [best, worst] = [order[0], order[order.length - 1]];
    if (scores[best] === scores[worst]) continue;
    pairs.push({
      scene,
      image,
      prompt,
      chosen: texts[best],
      rejected: texts[worst],
      inputs: { scoreChosen: scores[best], scoreRejected: scores[worst] },
    });
    onProgress(pairs.length, wanted);
  }
  return pairs;
}
