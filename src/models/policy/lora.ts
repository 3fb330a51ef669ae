/**
 * A LoRA adapter (Hu et al. 2021, arXiv:2106.09685): y = W x + (α / r) B (A x), with A [r, in] and B [out, r].
 *
 * All matrices lie in one buffer, so that an optimiser step, a gradient norm or a checkpoint is one dispatch or one
 * read. Kernels see views of it. Targets whose weights are packed in one matrix (q, k, v; gate, up) form a group: their
 * A lie below each other, and so do their B, one row per column of the packed product. Rows of B for columns without an
 * adapter, and ranks that fill up to a multiple of 4, hold zeros: their gradients are zero too, so they stay zeros.
 */
import { EngineError } from '../../errors.ts';
import type { Gpu, Scope, Tensor } from '../../kernels/gpu/index.ts';
import type { GroupPlace, LoraConfig, LoraMatrix, LoraPlan, Projection } from './lora-plan.ts';
import { initialValues, pack, unpack } from './lora-values.ts';

export * from './lora-plan.ts';

/** What the kernels need to add an adapter to one product y = x Wᵀ. */
export interface LoraGroup {
  /** f32 [slices · rank, width]. */
  readonly a: Tensor;
  /** f32 [out, rank]. */
  readonly b: Tensor;
  /** u32 [slices, 2]: slice s acts on columns first .. end - 1 of y. */
  readonly slices: Tensor;
  /** u32 [k, 2]: lines of a that share an input, first .. end - 1: all of them, or with dropout those of each slice. */
  readonly lines: Tensor;
  /** alpha / r. */
  readonly scale: number;
}

/** An adapter on the GPU. It holds its own memory: dispose it. */
export class LoraAdapter {
  readonly plan: LoraPlan;
  /** Every matrix, f32 [plan.size]. Gradients and moments have the same shape and places. */
  readonly parameters: Tensor;
  /** Which elements dropout drops in the next training pass (`dropoutKey`); the trainer sets it for each micro-batch. */
  dropoutKey = 0;
  readonly #gpu: Gpu;
  readonly #scope: Scope;
  /** Per layer. */
  readonly #groups: ReadonlyMap<Projection, LoraGroup>[];

  /** A new adapter as PEFT initialises it: A uniform in ±1/√in (kaiming_uniform with a = √5), B zero. */
  constructor(gpu: Gpu, plan: LoraPlan) {
    this.plan = plan;
    this.#gpu = gpu;
    this.#scope = gpu.scope('LoRA adapter');
    try {
      this.parameters = this.#scope.upload('f32', [plan.size], initialValues(plan), 'LoRA parameters');
      this.#groups = plan.layers.map(
        (places) => new Map(places.map((place) => [place.projection, this.#group(place)])),
      );
    } catch (error) {
      this.#scope.dispose();
      throw error;
    }
  }

  get config(): LoraConfig {
    return this.plan.config;
  }

  get matrices(): readonly LoraMatrix[] {
    return this.plan.matrices;
  }

  get parameterCount(): number {
    return this.plan.parameterCount;
  }

  /** What acts on one product of one layer, if anything does. */
  group(layer: number, projection: Projection): LoraGroup | undefined {
    return this.#groups[layer].get(projection);
  }

  /** Everything that acts on one layer; the same products in all layers. */
  groups(layer: number): ReadonlyMap<Projection, LoraGroup> {
    return this.#groups[layer];
  }

  /** Where A and B of one product stand in a tensor of gradients, f32 [plan.size]. */
  gradientViews(layer: number, projection: Projection, gradients: Tensor): { a: Tensor; b: Tensor } {
    return views(this.plan, this.plan.layers[layer].find((place) => place.projection === projection)!, gradients);
  }

  /**
   * The weights of the score layer, f32 [1, hidden].
   * @throws EngineError for an adapter without one.
   */
  get score(): Tensor {
    return scoreView(this.plan, this.parameters);
  }

  /** Where their gradient stands in a tensor of gradients. @throws EngineError as `score`. */
  scoreGradient(gradients: Tensor): Tensor {
    return scoreView(this.plan, gradients);
  }

  /** A tensor of zeros for gradients or moments. */
  zeros(scope: Scope, label: string): Tensor {
    return scope.zeros('f32', [this.plan.size], label);
  }

  /** The matrices by their PEFT names, row-major. */
  async read(): Promise<Map<string, Float32Array>> {
    return unpack(this.plan, (await this.#gpu.read(this.parameters)) as Float32Array);
  }

  /**
   * Replaces every matrix.
   * @throws InputError naming a matrix that is missing or has another size.
   */
  write(matrices: ReadonlyMap<string, Float32Array>): void {
    this.#gpu.write(this.parameters, pack(this.plan, matrices));
  }

  dispose(): void {
    this.#scope.dispose();
  }

  #group(place: GroupPlace): LoraGroup {
    const { r, alpha, dropout } = this.config;
    const { a, b } = views(this.plan, place, this.parameters);
    const ranges = (label: string, values: readonly (readonly [number, number])[]) =>
      this.#scope.upload('u32', [values.length, 2], Uint32Array.from(values.flat()), label);
    const slices = ranges('LoRA slices', place.slices);
    const { rank } = this.plan;
    const own = place.slices.map((_, slice) => [slice * rank, (slice + 1) * rank] as const);
    const lines = ranges('LoRA lines', dropout > 0 ? own : [[0, a.rows]]);
    return { a, b, slices, lines, scale: alpha / r };
  }
}

function views(plan: LoraPlan, { width, out, slices, a, b }: GroupPlace, buffer: Tensor): { a: Tensor; b: Tensor } {
  return {
    a: buffer.view(a, [slices.length * plan.rank, width]),
    b: buffer.view(b, [out, plan.rank]),
  };
}

function scoreView({ score }: LoraPlan, buffer: Tensor): Tensor {
  if (!score)
    throw new EngineError('This adapter has no score layer: it was made neither for a reward model nor for a critic.');
  return buffer.view(score.start, score.shape);
}
