/** Edits of a scene as functions from scene to scene: what pointer, keys and buttons of the composer share. */
import { MAX_OBJECTS, nounNamed, SCENE_SIZE, type Scene, type SceneObject, SPRITE_SIZES } from '../../toybox/index.ts';

const clamp = (value: number, size: number): number => Math.round(Math.min(SCENE_SIZE - size, Math.max(0, value)));

function withObject(scene: Scene, index: number, object: SceneObject): Scene {
  return { ...scene, objects: scene.objects.with(index, object) };
}

/** Moves an object; it stays inside the picture. */
export function moveTo(scene: Scene, index: number, x: number, y: number): Scene {
  const object = scene.objects[index];
  return withObject(scene, index, { ...object, x: clamp(x, object.size), y: clamp(y, object.size) });
}

/** The next larger or smaller sprite, around the same centre. */
export function resize(scene: Scene, index: number, step: 1 | -1): Scene {
  const object = scene.objects[index];
  const at = (SPRITE_SIZES as readonly number[]).indexOf(object.size);
  const size = SPRITE_SIZES[Math.min(SPRITE_SIZES.length - 1, Math.max(0, at + step))];
  const shift = (object.size - size) / 2;
  return withObject(scene, index, {
    ...object,
    size,
    x: clamp(object.x + shift, size),
    y: clamp(object.y + shift, size),
  });
}

/** The noun's next drawing style. */
export function restyle(scene: Scene, index: number): Scene {
  const object = scene.objects[index];
  const { styles } = nounNamed(object.noun);
  const style = styles[(styles.indexOf(object.style) + 1) % styles.length];
  return withObject(scene, index, { ...object, style });
}

export function remove(scene: Scene, index: number): Scene {
  return { ...scene, objects: scene.objects.toSpliced(index, 1) };
}

/** Draws an object last, in front of the others. Its index becomes the last one. */
export function bringToFront(scene: Scene, index: number): Scene {
  return { ...scene, objects: [...scene.objects.toSpliced(index, 1), scene.objects[index]] };
}

/** Area that two sprites share, in pixels. */
function overlap(a: SceneObject, b: SceneObject): number {
  const width = Math.min(a.x + a.size, b.x + b.size) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.size, b.y + b.size) - Math.max(a.y, b.y);
  return Math.max(0, width) * Math.max(0, height);
}

/** Adds a noun where it covers the others least; null when the scene is full. */
export function add(scene: Scene, noun: string): Scene | null {
  if (scene.objects.length >= MAX_OBJECTS) return null;
  const size = SPRITE_SIZES[0];
  const style = nounNamed(noun).styles[0];
  const steps = [46, 8, 84]; // centre first, then towards the edges
  const places = steps.flatMap((y) => steps.map((x): SceneObject => ({ noun, style, x, y, size })));
  const covered = (place: SceneObject) => scene.objects.reduce((sum, other) => sum + overlap(place, other), 0);
  const best = places.reduce((found, place) => (covered(place) < covered(found) ? place : found));
  return { ...scene, objects: [...scene.objects, best] };
}
