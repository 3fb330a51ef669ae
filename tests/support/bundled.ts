/** The bundled models, loaded through the catalog as the engine does, and Toybox pictures to show them. */
import type { ImageInput } from '../../src/engine/engine.ts';
import { type CatalogEntry, downloadModel, findModel, loadCatalog, type ModelFiles } from '../../src/models/catalog.ts';
import { type Atlas, loadAtlas, randomScene, renderScene, SCENE_SIZE } from '../../src/toybox/index.ts';
import { png } from './pictures.ts';

export const MODELS_URL = new URL('../../models/', import.meta.url).href;

/** The files of a bundled model, sizes and hashes checked. */
export async function bundledFiles(id: string, kind: CatalogEntry['kind']): Promise<ModelFiles> {
  return downloadModel(findModel(await loadCatalog(MODELS_URL), id, kind), MODELS_URL);
}

let atlas: Promise<Atlas> | undefined;

/** The Toybox scene of a seed, as a PNG. */
export async function toyboxPicture(seed: number): Promise<ImageInput> {
  atlas ??= fetch(new URL('../../src/toybox/sprites/atlas.bin', import.meta.url))
    .then((response) => response.arrayBuffer())
    .then((bytes) => loadAtlas(new Uint8Array(bytes)));
  const rgba = renderScene(randomScene(seed), await atlas);
  const blob = await png(SCENE_SIZE, SCENE_SIZE, (x, y) => {
    const at = (y * SCENE_SIZE + x) * 4;
    return [rgba[at], rgba[at + 1], rgba[at + 2]];
  });
  return { id: `scene-${seed}`, blob };
}

/** A JSON file below `tests/golden`. */
export async function golden<T>(path: string): Promise<T> {
  return (await fetch(new URL(`../golden/${path}`, import.meta.url))).json();
}

/** f32 values from base64. */
export function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
}

/** `golden/vlm/golden.json`: what Hugging Face transformers computes on the bundled VLM. */
export interface VlmGolden {
  readonly model_sha256: string;
  readonly cases: readonly {
    readonly seed: number;
    readonly prompt: string;
    readonly answer: string;
    readonly input_ids: readonly number[];
    readonly answer_ids: readonly number[];
    readonly logps: readonly number[];
    /** f32 [visual tokens, hidden], base64. */
    readonly image_features?: string;
  }[];
}

/** `golden/clip/golden.json`. */
export interface ClipGolden {
  readonly model_sha256: string;
  readonly cases: readonly {
    readonly seed: number;
    readonly text: string;
    readonly input_ids: readonly number[];
    readonly similarity: number;
  }[];
}
