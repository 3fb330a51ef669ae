/** Toybox scenes as pictures. */
import { type Atlas, loadAtlas, renderScene, SCENE_SIZE, type Scene, sceneTruth } from '../toybox/index.ts';
import { contentId, type DecodedImage } from './decode.ts';
import { encodePng } from './png.ts';

let atlas: Promise<Atlas> | undefined;

/** The sprites, fetched once. A failed fetch is tried again by the next caller. */
export function toyboxAtlas(): Promise<Atlas> {
  atlas ??= (async () => {
    const response = await fetch(new URL('../toybox/sprites/atlas.bin', import.meta.url));
    if (!response.ok) throw new Error(`The Toybox sprites could not be loaded (${response.status}). Reload the page.`);
    return loadAtlas(await response.arrayBuffer());
  })();
  atlas.catch(() => {
    atlas = undefined;
  });
  return atlas;
}

/** The exact picture of a scene: the same scene has the same bytes and id on every machine. */
export async function sceneImage(scene: Scene): Promise<DecodedImage> {
  const blob = await encodePng(renderScene(scene, await toyboxAtlas()), SCENE_SIZE, SCENE_SIZE);
  return { id: await contentId(blob), blob, width: SCENE_SIZE, height: SCENE_SIZE };
}

/**
 * Seed of the page's nth sample scene, below 10 million: the models were trained on scenes from 10 million on, so
 * samples are always pictures they have not seen.
 */
export function sampleSeed(seed: number, index: number): number {
  return (seed % 10_000) * 1000 + (index % 1000);
}

/** "cat, 2 apples": a scene's name in lists. */
export function sceneName(scene: Scene): string {
  const { objects, counts } = sceneTruth(scene);
  if (objects.length === 0) return `empty scene (${scene.background})`;
  return objects.map((noun) => (counts[noun] > 1 ? `${counts[noun]} × ${noun}` : noun)).join(', ');
}
