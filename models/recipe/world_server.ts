/**
 * Streams Toybox samples to the Python recipe, so that training sees the very
 * pixels and texts that the page makes.
 *
 * Reads one JSON request per line on stdin; answers each with
 * `u32 length | JSON | RGB pixels | patch nouns | patch offsets` on stdout.
 * Bundled with esbuild and started by `world.py`.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import {
  type Atlas,
  BACKGROUNDS,
  type Corruption,
  captionOf,
  corruptedCaptionOf,
  countingExercise,
  loadAtlas,
  NOUNS,
  questionsFor,
  randomScene,
  renderScene,
  SCENE_SIZE,
  type Scene,
  sceneTruth,
} from '../../src/toybox/index.ts';

type Request = {
  kind: 'vision' | 'talk' | 'match' | 'vocabulary';
  seed: number;
  count: number;
  companionRate?: number;
  biased?: boolean;
};

const PATCH = 16;
const SIDE = SCENE_SIZE / PATCH;
const PIXELS = SCENE_SIZE * SCENE_SIZE;
/** A patch belongs to a noun when at least this share of it shows the noun. */
const PATCH_SHARE = 0.15;
const OPAQUE = 128;
const CORRUPTIONS: Corruption[] = ['added', 'added', 'swapped', 'removed', 'recounted'];

const nounIndex = new Map(NOUNS.map(({ noun }, index) => [noun, index]));

/** Which object (by index, -1 for none) each pixel shows. */
function ownersOf(scene: Scene, atlas: Atlas): Int8Array {
  const owners = new Int8Array(PIXELS).fill(-1);
  for (const [index, { noun, style, size, x, y }] of scene.objects.entries()) {
    const { rgba } = atlas.sprite(noun, style, size);
    for (let i = 0; i < size * size; i++) {
      if (rgba[i * 4 + 3] < OPAQUE) continue;
      owners[(y + Math.trunc(i / size)) * SCENE_SIZE + x + (i % size)] = index;
    }
  }
  return owners;
}

/** For each patch: the noun it shows (count of nouns = background) and the offset to that object's centre. */
function patchTargets(scene: Scene, atlas: Atlas, nouns: Uint8Array, offsets: Int8Array): void {
  const owners = ownersOf(scene, atlas);
  for (let patch = 0; patch < SIDE * SIDE; patch++) {
    const left = (patch % SIDE) * PATCH;
    const top = Math.trunc(patch / SIDE) * PATCH;
    const shown = new Array(scene.objects.length).fill(0);
    for (let i = 0; i < PATCH * PATCH; i++) {
      const owner = owners[(top + Math.trunc(i / PATCH)) * SCENE_SIZE + left + (i % PATCH)];
      if (owner >= 0) shown[owner]++;
    }
    const most = shown.indexOf(Math.max(...shown));
    nouns[patch] = NOUNS.length;
    if (shown[most] < PATCH_SHARE * PATCH * PATCH) continue;
    const object = scene.objects[most];
    nouns[patch] = nounIndex.get(object.noun) as number;
    offsets[patch * 2] = object.x + object.size / 2 - (left + PATCH / 2);
    offsets[patch * 2 + 1] = object.y + object.size / 2 - (top + PATCH / 2);
  }
}

/** Visual token (cell of 2 x 2 patches, in reading order) and noun of each object's centre. */
function centresOf(scene: Scene): [number, number][] {
  const cell = 2 * PATCH;
  return scene.objects.map(({ noun, x, y, size }) => {
    const column = Math.trunc((x + size / 2) / cell);
    const row = Math.trunc((y + size / 2) / cell);
    return [(row * SCENE_SIZE) / cell + column, nounIndex.get(noun) as number];
  });
}

/** What one sample holds besides its picture, by kind of request. */
function contentsOf(scene: Scene, seed: number, { kind, biased }: Request): object {
  if (kind === 'talk') {
    const questions = questionsFor(scene, seed, { biased });
    return { questions, counting: countingExercise(scene, seed), centres: centresOf(scene) };
  }
  if (kind === 'match') {
    const wrong = CORRUPTIONS.map((corruption, i) => corruptedCaptionOf(scene, i === 0 ? seed : seed + i, corruption));
    return { caption: captionOf(scene, seed), wrong };
  }
  return {};
}

function answer(request: Request, atlas: Atlas): Buffer[] {
  const { seed, count, companionRate } = request;
  if (request.kind === 'vocabulary') {
    return frame({ nouns: NOUNS, backgrounds: BACKGROUNDS }, []);
  }
  const samples: object[] = [];
  const pixels = new Uint8Array(count * PIXELS * 3);
  const nouns = new Uint8Array(count * SIDE * SIDE);
  const offsets = new Int8Array(count * SIDE * SIDE * 2);
  for (let i = 0; i < count; i++) {
    const scene = randomScene(seed + i, { companionRate });
    const rgba = renderScene(scene, atlas);
    for (let p = 0; p < PIXELS; p++) {
      const to = (i * PIXELS + p) * 3;
      pixels[to] = rgba[p * 4];
      pixels[to + 1] = rgba[p * 4 + 1];
      pixels[to + 2] = rgba[p * 4 + 2];
    }
    const at = i * SIDE * SIDE;
    patchTargets(scene, atlas, nouns.subarray(at, at + SIDE * SIDE), offsets.subarray(at * 2, (at + SIDE * SIDE) * 2));
    samples.push({ seed: seed + i, counts: sceneTruth(scene).counts, ...contentsOf(scene, seed + i, request) });
  }
  return frame({ samples }, [pixels, nouns, new Uint8Array(offsets.buffer)]);
}

function frame(json: object, blocks: Uint8Array[]): Buffer[] {
  const text = Buffer.from(JSON.stringify(json));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return [length, text, ...blocks.map((block) => Buffer.from(block.buffer, block.byteOffset, block.byteLength))];
}

const atlas = await loadAtlas(readFileSync(process.argv[2]));
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(Buffer.concat(answer(JSON.parse(line), atlas)));
}
