/** Scenes and sprites on canvases, exactly as the models will see them. */
import { type Atlas, renderScene, SCENE_SIZE, type Scene, type Style } from '../../toybox/index.ts';

function put(canvas: HTMLCanvasElement, rgba: Uint8ClampedArray, side: number): void {
  canvas.width = side;
  canvas.height = side;
  canvas.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(rgba), side, side), 0, 0);
}

export function drawScene(canvas: HTMLCanvasElement, scene: Scene, atlas: Atlas): void {
  put(canvas, renderScene(scene, atlas), SCENE_SIZE);
}

export function drawSprite(canvas: HTMLCanvasElement, noun: string, style: Style, size: number, atlas: Atlas): void {
  put(canvas, atlas.sprite(noun, style, size).rgba, size);
}
