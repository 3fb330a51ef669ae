/** Scenes: what a Toybox picture holds, and how a random one is laid out. */
import { companionOf, NOUNS, nounNamed, type Style } from './nouns.ts';
import { Random } from './random.ts';

/** Side of every scene in pixels. */
export const SCENE_SIZE = 128;

/** Sides of the pre-rasterised sprites. */
export const SPRITE_SIZES = [36, 52] as const;

/** At most this many objects stand in a scene. */
export const MAX_OBJECTS = 5;

export type SceneObject = {
  noun: string;
  style: Style;
  /** Left and top edge of the sprite, whole pixels. */
  x: number;
  y: number;
  /** Side of the sprite: one of `SPRITE_SIZES`. */
  size: number;
};

/** A scene is plain data; objects are drawn in order, later ones in front. */
export type Scene = { background: string; objects: SceneObject[] };

/** Backgrounds with the phrase a caption uses for each. */
export const BACKGROUNDS: readonly { name: string; phrase: string }[] = [
  { name: 'grass', phrase: 'on the grass' },
  { name: 'sand', phrase: 'on the sand' },
  { name: 'snow', phrase: 'in the snow' },
  { name: 'night', phrase: 'at night' },
  { name: 'table', phrase: 'on a wooden table' },
  { name: 'sky', phrase: 'against a blue sky' },
  { name: 'water', phrase: 'on the water' },
  { name: 'wall', phrase: 'in front of a pink wall' },
];

export type SceneOptions = {
  /** Probability that the next noun is the companion of one already chosen. */
  companionRate?: number;
};

/** How often companions meet in ordinary scenes (the evaluation's distribution). */
export const COMPANION_RATE = 0.25;

/** Number of objects (1 to 5) and repeats of one noun (1 to 4), as relative weights. */
const OBJECT_COUNT_WEIGHTS = [10, 19, 27, 26, 18];
const REPEAT_WEIGHTS = [64, 17, 11, 8];

/** The nouns of a scene with their counts, before anything has a place. */
function chooseNouns(random: Random, companionRate: number): string[] {
  const total = random.weighted(OBJECT_COUNT_WEIGHTS) + 1;
  const chosen: string[] = [];
  const distinct: string[] = [];
  while (chosen.length < total) {
    const wantCompanion = distinct.length > 0 && random.chance(companionRate);
    const noun = wantCompanion ? companionOf(random.pick(distinct)) : random.pick(NOUNS).noun;
    if (distinct.includes(noun)) continue;
    distinct.push(noun);
    const repeats = Math.min(random.weighted(REPEAT_WEIGHTS) + 1, total - chosen.length);
    for (let i = 0; i < repeats; i++) chosen.push(noun);
  }
  return chosen;
}

/** Shared area of two sprites, as a share of the smaller one. */
function overlap(a: SceneObject, b: SceneObject): number {
  const width = Math.min(a.x + a.size, b.x + b.size) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.size, b.y + b.size) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / Math.min(a.size, b.size) ** 2;
}

/** Puts one more object where it covers the others least, trying a limited number of places. */
function place(random: Random, noun: string, crowded: boolean, placed: SceneObject[]): SceneObject {
  const styles = nounNamed(noun).styles;
  const style = random.pick(styles);
  const largeShare = crowded ? 0.2 : 0.55;
  let size: number = random.chance(largeShare) ? SPRITE_SIZES[1] : SPRITE_SIZES[0];
  let best: SceneObject | undefined;
  let bestOverlap = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 80 && bestOverlap > 0.03; attempt++) {
    if (attempt === 30) size = SPRITE_SIZES[0]; // a crowded scene: settle for the small sprite
    const room = SCENE_SIZE - size + 1;
    const candidate = { noun, style, x: random.below(room), y: random.below(room), size };
    const worst = placed.reduce((max, other) => Math.max(max, overlap(candidate, other)), 0);
    if (worst < bestOverlap) {
      bestOverlap = worst;
      best = candidate;
    }
  }
  return best as SceneObject;
}

/** The scene of a seed. The same seed and options always give the same scene. */
export function randomScene(seed: number, options: SceneOptions = {}): Scene {
  const random = new Random(seed);
  const nouns = chooseNouns(random, options.companionRate ?? COMPANION_RATE);
  const objects: SceneObject[] = [];
  for (const noun of random.shuffled(nouns)) {
    objects.push(place(random, noun, nouns.length > 2, objects));
  }
  return { background: random.pick(BACKGROUNDS).name, objects };
}
