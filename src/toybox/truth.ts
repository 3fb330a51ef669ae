/** What is true of a scene, computed from its data. */
import type { Scene, SceneObject } from './scene.ts';

export type Direction = 'left' | 'right' | 'above' | 'below';
export const DIRECTIONS: readonly Direction[] = ['left', 'right', 'above', 'below'];

/** `subject` stands `direction` of `object`; both nouns occur once in the scene. */
export type Relation = { subject: string; direction: Direction; object: string };

export type SceneTruth = {
  /** Distinct nouns, in the order in which the scene lists them. */
  objects: string[];
  counts: Record<string, number>;
  relations: Relation[];
};

/** Centres must differ by this many pixels for a relation to be beyond doubt. */
const CLEAR_DISTANCE = 20;

/** Signed distance of `a` from `b` along a direction, between sprite centres. */
function distanceAlong(direction: Direction, a: SceneObject, b: SceneObject): number {
  const dx = a.x + a.size / 2 - (b.x + b.size / 2);
  const dy = a.y + a.size / 2 - (b.y + b.size / 2);
  return { left: -dx, right: dx, above: -dy, below: dy }[direction];
}

/** Whether `a` clearly stands in that direction of `b`, and does so more than sideways. */
function standsClearly(direction: Direction, a: SceneObject, b: SceneObject): boolean {
  const along = distanceAlong(direction, a, b);
  const cross = direction === 'left' || direction === 'right' ? 'above' : 'left';
  return along >= CLEAR_DISTANCE && along >= Math.abs(distanceAlong(cross, a, b));
}

/** Object list, counts and relations of a scene. */
export function sceneTruth(scene: Scene): SceneTruth {
  const counts: Record<string, number> = {};
  for (const { noun } of scene.objects) counts[noun] = (counts[noun] ?? 0) + 1;
  const single = scene.objects.filter(({ noun }) => counts[noun] === 1);
  const relations: Relation[] = [];
  for (const subject of single) {
    for (const object of single) {
      if (subject === object) continue;
      const direction = DIRECTIONS.find((d) => standsClearly(d, subject, object));
      if (direction) relations.push({ subject: subject.noun, direction, object: object.noun });
    }
  }
  return { objects: Object.keys(counts), counts, relations };
}

/**
 * What stands in a direction of a noun that occurs once: the only noun there,
 * `undefined` for nothing, or `null` where the answer would be a matter of taste.
 */
export function onlyNeighbour(scene: Scene, noun: string, direction: Direction): string | undefined | null {
  const anchors = scene.objects.filter((object) => object.noun === noun);
  if (anchors.length !== 1) return null;
  const others = scene.objects.filter((object) => object.noun !== noun);
  const distances = others.map((other) => distanceAlong(direction, other, anchors[0]));
  const doubtful = distances.some((d) => d > -CLEAR_DISTANCE / 2 && d < CLEAR_DISTANCE);
  if (doubtful) return null;
  const there = new Set(others.filter((_, i) => distances[i] > 0).map((other) => other.noun));
  if (there.size > 1) return null;
  return [...there][0];
}
