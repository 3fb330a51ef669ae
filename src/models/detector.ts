/**
 * The detector of `models/photo-detector`: NanoDet (https://github.com/RangiLyu/nanodet) on WebAssembly. A judge of
 * answers about photographs that shares nothing with the model's own eyes.
 */
import type { ImageInput } from '../engine/engine.ts';
import { ModelFileError } from '../errors.ts';
import type { Box, Judged, Seen } from '../photographs/index.ts';
import type { ModelFiles } from './catalog.ts';
import { Lru } from './lru.ts';
import { readPreprocessor } from './model-json.ts';
import { OrtSession } from './ort.ts';
import { type PixelRecipe, pixelRecipe, pixelValues } from './pixels.ts';

/** Scores from which a box is shown: NanoDet's own demo takes 0.35. */
const BOX_SCORE = 0.35;
/** Two boxes of one class that overlap more than this (intersection over union) are one thing. */
const SAME_THING = 0.5;
/** Boxes of one class that are kept. */
const MOST_BOXES = 20;
const CACHED = 256;

/**
 * Per class, chance = sigmoid(slope evidence + offset), where the evidence is the mean log-odds of its best score in the
 * picture and in the mirror image; below `threshold` a class is "not seen".
 */
export interface Calibration {
  readonly slope: readonly number[];
  readonly offset: readonly number[];
  readonly threshold: number;
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** Log-odds of a score; 1e-4 from 0 and 1 at least. */
function logit(score: number): number {
  const p = clamp(score, 1e-4, 1 - 1e-4);
  return Math.log(p / (1 - p));
}

/** Calibrated chance at even odds that a class is in the picture, by its best scores there and in the mirror image. */
export function chanceOf(scores: readonly number[], kind: number, { slope, offset }: Calibration): number {
  const evidence = scores.reduce((sum, score) => sum + logit(score), 0) / scores.length;
  return 1 / (1 + Math.exp(-(slope[kind] * evidence + offset[kind])));
}

/** `pixel_values` [3, height, width] of the mirror image. */
export function mirrored(pixels: Float32Array, width: number): Float32Array {
  const flipped = pixels.slice();
  for (let row = 0; row < flipped.length; row += width) flipped.subarray(row, row + width).reverse();
  return flipped;
}

/** The best score of every class. @param scores f32 [places, classes] */
function bestScores(scores: Float32Array, kinds: number): Float32Array {
  const best = new Float32Array(kinds);
  for (let at = 0; at < scores.length; at++) best[at % kinds] = Math.max(best[at % kinds], scores[at]);
  return best;
}

function overlap(a: Box, b: Box): number {
  const wide = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const high = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  if (wide <= 0 || high <= 0) return 0;
  const area = ({ x1, y1, x2, y2 }: Box) => (x2 - x1) * (y2 - y1);
  return (wide * high) / (area(a) + area(b) - wide * high);
}

/** Greedy non-maximum suppression: the best box of every group that overlaps by more than half, best first. */
export function distinctBoxes(boxes: readonly Box[]): Box[] {
  const kept: Box[] = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score)) {
    if (kept.length < MOST_BOXES && kept.every((other) => overlap(box, other) <= SAME_THING)) kept.push(box);
  }
  return kept;
}

/**
 * The detector's outputs in words.
 * @param scores f32 [places, classes]; @param boxes f32 [places, 4], x1 y1 x2 y2 in shares of the picture;
 * @param mirrorScores scores in the mirror image, whose places do not matter.
 */
export function sightings(
  scores: Float32Array,
  boxes: Float32Array,
  mirrorScores: Float32Array,
  labels: readonly string[],
  calibration: Calibration,
): Seen['things'] {
  const kinds = labels.length;
  const places = scores.length / kinds;
  const [best, bestMirrored] = [scores, mirrorScores].map((each) => bestScores(each, kinds));
  const things = labels.map((noun, kind) => {
    const found: Box[] = [];
    for (let place = 0; place < places; place++) {
      const score = scores[place * kinds + kind];
      if (score < BOX_SCORE) continue;
      const [x1, y1, x2, y2] = boxes.subarray(place * 4, place * 4 + 4).map((side) => clamp(side, 0, 1));
      found.push({ x1, y1, x2, y2, score });
    }
    return { noun, chance: chanceOf([best[kind], bestMirrored[kind]], kind, calibration), boxes: distinctBoxes(found) };
  });
  return things.filter(({ chance }) => chance >= calibration.threshold).sort((a, b) => b.chance - a.chance);
}

interface DetectorConfig {
  readonly labels: readonly string[];
  readonly calibration: Calibration;
  readonly judged?: Judged;
}

/** @throws {ModelFileError} where the config is not that of a calibrated detector. */
function readConfig(files: ModelFiles): DetectorConfig {
  const config = files.json<Partial<DetectorConfig> | null>('config');
  const { labels, calibration, judged } = config ?? {};
  const numbers = (values: unknown, length: number) =>
    Array.isArray(values) && values.length === length && values.every(Number.isFinite);
  if (
    !Array.isArray(labels) ||
    !labels.every((label) => typeof label === 'string') ||
    !calibration ||
    !numbers(calibration.slope, labels.length) ||
    !numbers(calibration.offset, labels.length) ||
    !Number.isFinite(calibration.threshold)
  ) {
    const name = files.name('config');
    throw new ModelFileError(`${name} holds no labels with a calibration each. Restore it.`, name);
  }
  return { labels, calibration, ...(judged && { judged: errorRates(judged, files.name('config')) }) };
}

/** @throws {ModelFileError} for error rates that are no shares of some pictures. */
function errorRates({ pictures, flags_agreed, flags_swapped }: Judged, name: string): Judged {
  const share = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1;
  if (!Number.isSafeInteger(pictures) || pictures < 1 || !share(flags_agreed) || !share(flags_swapped)) {
    throw new ModelFileError(`${name}: judged holds no error rates. Restore it.`, name);
  }
  return { pictures, flags_agreed, flags_swapped };
}

export class PhotoDetector {
  private readonly seen = new Lru<Seen>(CACHED);

  private constructor(
    private readonly id: string,
    private readonly session: OrtSession,
    private readonly recipe: PixelRecipe,
    private readonly config: DetectorConfig,
  ) {}

  /** @throws {ModelFileError} for a config that cannot be used; {EngineError} where ORT refuses the file. */
  static async load(files: ModelFiles): Promise<PhotoDetector> {
    const config = readConfig(files);
    const preprocessor = readPreprocessor(files.json('preprocessor'), files.name('preprocessor'));
    const recipe = pixelRecipe(preprocessor, files.name('preprocessor'));
    const label = files.name('detector');
    const session = await OrtSession.create(files.bytes('detector'), { provider: 'wasm', output: 'cpu', label });
    return new PhotoDetector(files.entry.id, session, recipe, config);
  }

  /** @throws {InputError} when the picture cannot be decoded. */
  async look(image: ImageInput): Promise<Seen> {
    const known = this.seen.get(image.id);
    if (known) return known;
    const { recipe, config, session } = this;
    const data = await pixelValues(image.blob, recipe);
    const dims = [1, 3, recipe.height, recipe.width];
    const run = (pixels: Float32Array) =>
      session.run({ [session.inputs[0].name]: { type: 'float32', data: pixels, dims } });
    const { scores, boxes } = await run(data);
    const { scores: mirrorScores } = await run(mirrored(data, recipe.width));
    const things = sightings(
      scores.data as Float32Array,
      boxes.data as Float32Array,
      mirrorScores.data as Float32Array,
      config.labels,
      config.calibration,
    );
    const { judged } = config;
    const seen = { by: this.id, things, ...(judged && { judged }) };
    this.seen.set(image.id, seen);
    return seen;
  }

  async dispose(): Promise<void> {
    this.seen.clear();
    await this.session.release();
  }
}
