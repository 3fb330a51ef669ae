/**
 * The frozen vision side of the VLM: SigLIP tower and connector as one ONNX session. Gives visual features on the GPU,
 * ready for the decoder's embedding, and keeps them per image.
 */
import type { ImageInput } from '../engine/engine.ts';
import { ModelFileError } from '../errors.ts';
import type { Gpu, Scope, Tensor } from '../kernels/gpu/index.ts';
import { decodePixels } from '../pictures/decode-pixels.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import { diffuse } from './diffusion-noise.ts';
import { Lru } from './lru.ts';
import { type HostTensor, OrtSession, type Provider } from './ort.ts';
import { checkPattern, fit, normalize, type PixelRecipe, type PreprocessorConfig, pixelRecipe } from './pixels.ts';
import { type Choice, chooseProvider } from './provider-choice.ts';
import { checkMemory } from './provider-memory.ts';

/** Images whose features stay on the GPU: 150 kB each for SmolVLM-256M. */
const CACHED_IMAGES = 64;

/** Pictures kept at the model's size, 8 bits: 0.8 MB each for SmolVLM. Photographs take far longer to decode. */
const FITTED_IMAGES = 128;

export interface VisionTowerFiles {
  /** `onnx/vision_encoder.onnx`: pixel_values -> image_features. */
  readonly model: Uint8Array<ArrayBuffer>;
  readonly name: string;
  readonly preprocessor: PreprocessorConfig;
}

export class VisionTower {
  private readonly cache: Lru<Tensor>;
  private readonly fitted = new Lru<RgbImage>(FITTED_IMAGES);

  private constructor(
    private readonly gpu: Gpu,
    private readonly scope: Scope,
    private readonly choice: Choice<OrtSession>,
    private readonly recipe: PixelRecipe,
    /** Features per image. */
    readonly visualTokens: number,
    /** Width of a feature: the decoder's hidden size. */
    readonly hidden: number,
  ) {
    this.cache = new Lru(CACHED_IMAGES, (tensor) => scope.release(tensor));
  }

  /**
   * Compiles the tower on both providers, compares them on one fixed input, and keeps the one to use.
   * @throws {ModelFileError} when it runs on neither, or its output is not [1, tokens, hidden].
   */
  static async load(gpu: Gpu, files: VisionTowerFiles, signal?: AbortSignal): Promise<VisionTower> {
    const recipe = pixelRecipe(files.preprocessor, files.name);
    const pixels = normalize(checkPattern(recipe.width, recipe.height), recipe);
    let dims: readonly number[] = [];
    const choice = await chooseProvider<OrtSession>(
      {
        label: files.name,
        create: (provider) =>
          OrtSession.create(files.model, {
            provider,
            gpu,
            output: provider === 'webgpu' ? 'gpu' : 'cpu',
            label: files.name,
          }),
        run: async (session) => {
          const scope = gpu.scope('vision-check');
          try {
            const features = await encode(gpu, scope, session, recipe, pixels);
            dims = features.shape;
            return (await gpu.read(features)) as Float32Array;
          } finally {
            scope.dispose();
          }
        },
        release: (session) => session.release(),
      },
      { prefer: 'webgpu', signal, memory: await checkMemory(gpu, files.model) },
    );
    if (dims.length !== 2) {
      throw new ModelFileError(`${files.name} does not give one row of features per visual token.`, files.name);
    }
    return new VisionTower(gpu, gpu.scope('visual-features'), choice, recipe, dims[0], dims[1]);
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
   * Features of an image, f32 [visualTokens, hidden]. The tensor stays ours: use it before the next call of this
   * method that could evict it, and do not release it.
   * @param noiseStep of a noisy copy of the picture instead, after so many steps of forward diffusion: the same copy
   *   whenever it is asked for.
   * @throws {InputError} when the picture cannot be decoded.
   */
  async features(image: ImageInput, noiseStep?: number): Promise<Tensor> {
    const key = noiseStep === undefined ? image.id : `${image.id}, noise ${noiseStep}`;
    const known = this.cache.get(key);
    if (known) return known;
    const fitted = this.fitted.get(image.id) ?? fit(await decodePixels(image.blob), this.recipe);
    this.fitted.set(image.id, fitted);
    const clear = normalize(fitted, this.recipe);
    const pixels = noiseStep === undefined ? clear : diffuse(clear, noiseStep, seedOf(image.id));
    const features = await encode(this.gpu, this.scope, this.choice.value, this.recipe, pixels);
    this.cache.set(key, features);
    return features;
  }

  async dispose(): Promise<void> {
    this.cache.clear();
    this.fitted.clear();
    this.scope.dispose();
    await this.choice.value.release();
  }
}

/** A seed of a picture's own. */
const seedOf = (id: string): number => [...id].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)!) >>> 0, 11);

/** Runs the session on one image; the result is a tensor of ours in `scope`, shape [tokens, hidden]. */
async function encode(
  gpu: Gpu,
  scope: Scope,
  session: OrtSession,
  recipe: PixelRecipe,
  pixels: Float32Array,
): Promise<Tensor> {
  const output = session.outputs.find((port) => port.name === 'image_features') ?? session.outputs[0];
  const feeds = visionFeeds(session, recipe, pixels);
  if (session.output === 'cpu') {
    const { data, dims } = (await session.run(feeds))[output.name];
    return scope.upload('f32', lastTwo(dims), data as Float32Array, 'features');
  }
  const result = await session.runOnGpu(feeds, output.name);
  try {
    // A copy in our own pool: ORT's buffer goes straight back to ORT.
    const features = scope.tensor('f32', lastTwo(result.tensor.shape), 'features');
    gpu.copy(result.tensor.reshape(features.shape), features);
    gpu.submit();
    return features;
  } finally {
    result.dispose();
  }
}

function lastTwo(dims: readonly number[]): number[] {
  const hidden = dims[dims.length - 1];
  return [dims.reduce((product, dim) => product * dim, 1) / hidden, hidden];
}

/**
 * `pixel_values` as [batch, 3, h, w], or as [batch, images, 3, h, w] in exports of the whole Idefics3 vision model,
 * which also take `pixel_attention_mask`.
 */
function visionFeeds(session: OrtSession, recipe: PixelRecipe, pixels: Float32Array): Record<string, HostTensor> {
  const feeds: Record<string, HostTensor> = {};
  const { width, height } = recipe;
  for (const { name, shape } of session.inputs) {
    if (name === 'pixel_attention_mask') {
      const dims = [1, 1, height, width].slice(4 - shape.length);
      feeds[name] = { type: 'bool', data: new Uint8Array(width * height).fill(1), dims };
    } else {
      feeds[name] = { type: 'float32', data: pixels, dims: [1, 1, 3, height, width].slice(5 - shape.length) };
    }
  }
  return feeds;
}
