/** Draws a scene into pixels without a canvas: same bytes in every browser and in Node. */
import type { Atlas, Sprite } from './atlas.ts';
import { paintBackground } from './background.ts';
import { SCENE_SIZE, type Scene } from './scene.ts';

/** Painted backgrounds; each is painted once and copied afterwards. */
const painted = new Map<string, Uint8ClampedArray>();

function backgroundPixels(name: string): Uint8ClampedArray {
  let pixels = painted.get(name);
  if (!pixels) {
    pixels = new Uint8ClampedArray(SCENE_SIZE * SCENE_SIZE * 4);
    paintBackground(name, pixels);
    painted.set(name, pixels);
  }
  return pixels;
}

/** Blends a sprite over the picture; parts outside the picture are cut off. */
function blit(picture: Uint8ClampedArray, sprite: Sprite, left: number, top: number): void {
  const { size, rgba } = sprite;
  for (let row = Math.max(0, -top); row < Math.min(size, SCENE_SIZE - top); row++) {
    for (let column = Math.max(0, -left); column < Math.min(size, SCENE_SIZE - left); column++) {
      const from = (row * size + column) * 4;
      const alpha = rgba[from + 3];
      if (alpha === 0) continue;
      const to = ((top + row) * SCENE_SIZE + left + column) * 4;
      for (let channel = 0; channel < 3; channel++) {
        const mixed = rgba[from + channel] * alpha + picture[to + channel] * (255 - alpha);
        picture[to + channel] = Math.trunc((mixed + 127) / 255);
      }
    }
  }
}

/** The picture of a scene: `SCENE_SIZE` squared, RGBA, opaque. */
export function renderScene(scene: Scene, atlas: Atlas): Uint8ClampedArray {
  const picture = new Uint8ClampedArray(backgroundPixels(scene.background));
  for (const { noun, style, size, x, y } of scene.objects) {
    blit(picture, atlas.sprite(noun, style, size), Math.trunc(x), Math.trunc(y));
  }
  return picture;
}
