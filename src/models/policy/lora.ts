/**
 * A LoRA adapter (Hu et al. 2021, arXiv:2106.09685): y = W x + (α / r) B (A x), with A [r, in] and B [out, r].
 *
 * All matrices lie in one buffer, so that an optimiser step, a gradient norm or a checkpoint is one dispatch or one
 * read. Kernels see views of it. Targets whose weights are packed in one matrix (q, k, v; gate, up) form a group: their
 * A lie below each other, and so do their B, one row per column of the packed product. Rows of B for columns without an
 * adapter, and ranks that fill up to a multiple of 4, hold zeros: their gradients are zero too, so they stay zeros.
 */
import { EngineError, InputError } from '../../errors.ts';
import type { Gpu, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { VIEW_ALIGNMENT } from '../../kernels/gpu/tensor.ts';
import type { LlamaConfig } from './config.ts';
import { initialValues, pack, unpack } from './lora-values.ts';

/** The linear layers of a decoder layer, as PEFT's `target_modules` names them. */
export const LORA_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type LoraTarget = (typeof LORA_TARGETS)[number];

export interface LoraConfig {
  /** Rank. */
  readonly r: number;
  /** The product B A is scaled by alpha / r. */
  readonly alpha: number;
  readonly targets: readonly LoraTarget[];
  /** Of the random A; B starts at zero, so every seed starts at the reference. */
  readonly seed: number;
  /** Whether a linear layer from the final hidden state to one score is trained beside it: a reward model. */
  readonly score?: boolean;
}

export const DEFAULT_LORA: LoraConfig = { r: 16, alpha: 32, targets: LORA_TARGETS, seed: 0 };

/** The matrix products of a decoder layer: each weight matrix, packed or not, is one. */
export type Projection = 'qkv' | 'output' | 'gateUp' | 'down';

/** What the kernels need to add an adapter to one product y = x Wᵀ. */
export interface LoraGroup {
  /** f32 [slices · rank, width]. */
  readonly a: Tensor;
  /** f32 [out, rank]. */
  readonly b: Tensor;
  /** u32 [slices, 2]: slice s acts on columns first .. end - 1 of y. */
  readonly slices: Tensor;
  /** u32 [1, 2]: all lines of a, for the gradient of A. */
  readonly lines: Tensor;
  /** alpha / r. */
  readonly scale: number;
}

/** A trained matrix under the name it has in `adapter_model.safetensors`, and where it stands in `parameters`. */
export interface PlacedMatrix {
  readonly name: string;
  readonly shape: readonly [rows: number, cols: number];
  /** First element, and elements from one row to the next. */
  readonly start: number;
  readonly stride: number;
}

/** One matrix of a pair A, B: base_model.model.<module path>.lora_A.weight, [r, in] or [out, r]. */
export interface LoraMatrix extends PlacedMatrix {
  readonly layer: number;
  readonly target: LoraTarget;
  readonly part: 'A' | 'B';
}

/** PEFT's name of a trained `score` layer (`modules_to_save`), as `AutoModelForSequenceClassification` calls it. */
export const SCORE_NAME = 'base_model.model.score.weight';

/** Where a group's tensors stand in the buffer. */
interface GroupPlace {
  readonly projection: Projection;
  readonly width: number;
  readonly out: number;
  readonly slices: readonly (readonly [first: number, end: number])[];
  readonly a: number;
  readonly b: number;
}

/** Names, places and size of everything in an adapter; plain data, known before anything is allocated. */
export interface LoraPlan {
  readonly config: LoraConfig;
  /** r, filled up to a multiple of 4. */
  readonly rank: number;
  readonly matrices: readonly LoraMatrix[];
  /** The layer that makes scores, [1, hidden]; only a reward model has one. */
  readonly score?: PlacedMatrix;
  /** Per layer: the groups that act on it. */
  readonly layers: readonly (readonly GroupPlace[])[];
  /** Elements of the buffer. */
  readonly size: number;
  /** Trainable numbers: the elements of all matrices. */
  readonly parameterCount: number;
}

/** Elements between places where WebGPU can bind. */
const ALIGNMENT = VIEW_ALIGNMENT / 4;
const aligned = (elements: number): number => Math.ceil(elements / ALIGNMENT) * ALIGNMENT;

/**
 * Lays out an adapter for a decoder.
 * @param modulePath where the decoder's layers stand in the Hugging Face model, e.g. "model.text_model.".
 * @throws InputError for a rank, alpha or target that cannot be used.
 */
export function planLora(model: LlamaConfig, modulePath: string, lora: Partial<LoraConfig> = {}): LoraPlan {
  const config = { ...DEFAULT_LORA, ...lora };
  check(config);
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = model;
  const rank = Math.ceil(config.r / 4) * 4;
  const products: [Projection, string, number, [LoraTarget, number][]][] = [
    [
      'qkv',
      'self_attn',
      hiddenSize,
      [
        ['q_proj', heads * headDim],
        ['k_proj', kvHeads * headDim],
        ['v_proj', kvHeads * headDim],
      ],
    ],
    ['output', 'self_attn', heads * headDim, [['o_proj', hiddenSize]]],
    [
      'gateUp',
      'mlp',
      hiddenSize,
      [
        ['gate_proj', intermediateSize],
        ['up_proj', intermediateSize],
      ],
    ],
    ['down', 'mlp', intermediateSize, [['down_proj', hiddenSize]]],
  ];

  const matrices: LoraMatrix[] = [];
  const layers: GroupPlace[][] = [];
  let size = 0;
  for (let layer = 0; layer < model.layers; layer++) {
    const places: GroupPlace[] = [];
    layers.push(places);
    for (const [projection, block, width, members] of products) {
      const chosen = members.filter(([target]) => config.targets.includes(target));
      if (chosen.length === 0) continue;
      const out = members.reduce((sum, [, columns]) => sum + columns, 0);
      const a = size;
      const b = aligned(a + chosen.length * rank * width);
      size = aligned(b + out * rank);
      const slices: [number, number][] = [];
      let column = 0;
      for (const [target, columns] of members) {
        const first = column;
        column += columns;
        if (!config.targets.includes(target)) continue;
        const module = `base_model.model.${modulePath}layers.${layer}.${block}.${target}`;
        matrices.push(
          {
            name: `${module}.lora_A.weight`,
            layer,
            target,
            part: 'A',
            shape: [config.r, width],
            start: a + slices.length * rank * width,
            stride: width,
          },
          {
            name: `${module}.lora_B.weight`,
            layer,
            target,
            part: 'B',
            shape: [columns, config.r],
            start: b + first * rank,
            stride: rank,
          },
        );
        slices.push([first, column]);
      }
      places.push({ projection, width, out, slices, a, b });
    }
  }
  let score: PlacedMatrix | undefined;
  if (config.score) {
    score = { name: SCORE_NAME, shape: [1, hiddenSize], start: size, stride: hiddenSize };
    size = aligned(size + hiddenSize);
  }
  const trained = score ? [...matrices, score] : matrices;
  const parameterCount = trained.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  return { config, rank, matrices, score, layers, size, parameterCount };
}

function check({ r, alpha, targets }: LoraConfig): void {
  if (!Number.isInteger(r) || r < 1 || r > 256) {
    throw new InputError(`The LoRA rank is ${r}; it must be a whole number from 1 to 256.`, 'r');
  }
  if (!(alpha > 0 && Number.isFinite(alpha)))
    throw new InputError(`LoRA's alpha is ${alpha}; it must be above 0.`, 'alpha');
  const unknown = targets.find((target) => !LORA_TARGETS.includes(target));
  if (unknown !== undefined) {
    throw new InputError(`LoRA cannot adapt "${unknown}"; it can adapt ${LORA_TARGETS.join(', ')}.`, 'targets');
  }
  if (targets.length === 0) throw new InputError('LoRA needs at least one target.', 'targets');
}

/** An adapter on the GPU. It holds its own memory: dispose it. */
export class LoraAdapter {
  readonly plan: LoraPlan;
  /** Every matrix, f32 [plan.size]. Gradients and moments have the same shape and places. */
  readonly parameters: Tensor;
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
    const { r, alpha } = this.config;
    const { a, b } = views(this.plan, place, this.parameters);
    const ranges = (label: string, values: readonly (readonly [number, number])[]) =>
      this.#scope.upload('u32', [values.length, 2], Uint32Array.from(values.flat()), label);
    const slices = ranges('LoRA slices', place.slices);
    return { a, b, slices, lines: ranges('LoRA lines', [[0, a.rows]]), scale: alpha / r };
  }
}

function views(plan: LoraPlan, { width, out, slices, a, b }: GroupPlace, buffer: Tensor): { a: Tensor; b: Tensor } {
  return {
    a: buffer.view(a, [slices.length * plan.rank, width]),
    b: buffer.view(b, [out, plan.rank]),
  };
}

function scoreView({ score }: LoraPlan, buffer: Tensor): Tensor {
  if (!score) throw new EngineError('This adapter has no score layer: it was not made for a reward model.');
  return buffer.view(score.start, score.shape);
}
