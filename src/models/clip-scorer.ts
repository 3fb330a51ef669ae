/**
 * CLIP: cosine similarity between an image and texts. Two ONNX sessions, image and text tower, both with projection.
 * Small towers are often faster on WASM, so both providers are measured once and the faster one that agrees is used.
 */
import type { ImageInput } from '../engine/engine.ts';
import { throwIfCancelled } from '../errors.ts';
import type { Gpu } from '../kernels/gpu/index.ts';
import { Lru } from './lru.ts';
import { clipTextLength } from './model-json.ts';
import { type HostTensor, OrtSession, type Provider } from './ort.ts';
import {
  checkPattern,
  normalize,
  type PixelRecipe,
  type PreprocessorConfig,
  pixelRecipe,
  pixelValues,
} from './pixels.ts';
import { type Choice, chooseProvider } from './provider-choice.ts';
import { checkMemory } from './provider-memory.ts';
import { ClipTokenizer, type TokenizerFiles } from './tokenizer.ts';

const CACHED_EMBEDDINGS = 512;
const CHECK_TEXT = 'a photo of a cat and a ball';

export interface ClipFiles {
  /** `onnx/vision_model.onnx`: pixel_values -> image_embeds. */
  readonly vision: Uint8Array<ArrayBuffer>;
  /** `onnx/text_model.onnx`: input_ids -> text_embeds. */
  readonly text: Uint8Array<ArrayBuffer>;
  /** Folder name for messages. */
  readonly name: string;
  readonly preprocessor: PreprocessorConfig;
  readonly tokenizer: TokenizerFiles;
  /** The parsed `config.json`. */
  readonly config: unknown;
}

interface Towers {
  readonly vision: OrtSession;
  readonly text: OrtSession;
}

export class ClipScorer {
  private readonly images = new Lru<Float32Array>(CACHED_EMBEDDINGS);
  private readonly texts = new Lru<Float32Array>(CACHED_EMBEDDINGS);

  private constructor(
    private readonly choice: Choice<Towers>,
    private readonly recipe: PixelRecipe,
    private readonly tokenizer: ClipTokenizer,
  ) {}

  /** @throws {ModelFileError} when the towers run on neither provider. */
  static async load(gpu: Gpu, files: ClipFiles, signal?: AbortSignal): Promise<ClipScorer> {
    const recipe = pixelRecipe(files.preprocessor, `${files.name}/preprocessor_config.json`);
    const maxLength = clipTextLength(files.config, `${files.name}/config.json`);
    const tokenizer = new ClipTokenizer(files.tokenizer, maxLength, `${files.name}/tokenizer.json`);
    const pixels = normalize(checkPattern(recipe.width, recipe.height), recipe);
    const session = (model: Uint8Array, provider: Provider, part: string) =>
      OrtSession.create(model, { provider, gpu, output: 'cpu', label: `${files.name}/${part}` });
    const choice = await chooseProvider<Towers>(
      {
        label: files.name,
        create: async (provider) => {
          const vision = await session(files.vision, provider, 'onnx/vision_model.onnx');
          return { vision, text: await session(files.text, provider, 'onnx/text_model.onnx') };
        },
        run: async (towers) => {
          const image = await embedImage(towers, recipe, pixels);
          const text = await embedText(towers, tokenizer, CHECK_TEXT);
          return Float32Array.of(...image, ...text);
        },
        release: async ({ vision, text }) => {
          await vision.release();
          await text.release();
        },
      },
      {
        // A software adapter is the same CPU behind more layers: no need to measure.
        prefer: gpu.facts.isFallback ? 'wasm' : 'faster',
        signal,
        memory: await checkMemory(gpu, files.vision, files.text),
      },
    );
    return new ClipScorer(choice, recipe, tokenizer);
  }

  get provider(): Provider {
    return this.choice.provider;
  }

  get agreement(): number | undefined {
    return this.choice.agreement;
  }

  get note(): string {
    return this.choice.note;
  }

  /**
   * Cosine similarity of each text with the image. Texts longer than the model's context are cut, end token kept.
   * @throws {InputError} when the picture cannot be decoded.
   * @throws {CancelledError} between texts.
   */
  async score(
    image: ImageInput,
    texts: readonly string[],
    options: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void } = {},
  ): Promise<number[]> {
    const towers = this.choice.value;
    const pixels = () => pixelValues(image.blob, this.recipe);
    const picture = await cached(this.images, image.id, async () => embedImage(towers, this.recipe, await pixels()));
    const scores: number[] = [];
    for (const text of texts) {
      throwIfCancelled(options.signal);
      const embedding = await cached(this.texts, text, () => embedText(towers, this.tokenizer, text));
      scores.push(dot(picture, embedding));
      options.onProgress?.(scores.length, texts.length);
    }
    return scores;
  }

  async dispose(): Promise<void> {
    this.images.clear();
    this.texts.clear();
    await this.choice.value.vision.release();
    await this.choice.value.text.release();
  }
}

async function cached(cache: Lru<Float32Array>, key: string, make: () => Promise<Float32Array>): Promise<Float32Array> {
  const known = cache.get(key);
  if (known) return known;
  const made = await make();
  cache.set(key, made);
  return made;
}

/** Unit-length image embedding. */
async function embedImage(towers: Towers, recipe: PixelRecipe, pixels: Float32Array): Promise<Float32Array> {
  const dims = [1, 3, recipe.height, recipe.width];
  const input = towers.vision.inputs[0].name;
  return unit(pick(await towers.vision.run({ [input]: { type: 'float32', data: pixels, dims } }), 'image_embeds'));
}

/**
 * Unit-length text embedding. Always padded to the model's length: CLIP's text tower is causal and reads its answer at
 * the end token, so what follows changes nothing, and WebGPU compiles its shaders for one shape only.
 */
async function embedText(towers: Towers, tokenizer: ClipTokenizer, text: string): Promise<Float32Array> {
  const { ids } = tokenizer.encode(text);
  const length = tokenizer.maxLength;
  const padded = new BigInt64Array(length).fill(BigInt(tokenizer.padTokenId));
  const mask = new BigInt64Array(length);
  for (let i = 0; i < ids.length; i++) {
    padded[i] = BigInt(ids[i]);
    mask[i] = 1n;
  }
  const feeds: Record<string, HostTensor> = {};
  for (const { name } of towers.text.inputs) {
    feeds[name] = { type: 'int64', data: name === 'attention_mask' ? mask : padded, dims: [1, length] };
  }
  return unit(pick(await towers.text.run(feeds), 'text_embeds'));
}

/** The projected embedding; exports that name it otherwise give it as their only output. */
function pick(outputs: Record<string, HostTensor>, name: string): Float32Array {
  return (outputs[name] ?? Object.values(outputs)[0]).data as Float32Array;
}

function unit(values: Float32Array): Float32Array {
  const norm = Math.sqrt(dot(values, values)) || 1;
  return values.map((value) => value / norm);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
