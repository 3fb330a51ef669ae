/** What an adapter is made of: names, shapes and places of its matrices in one buffer, before anything is allocated. */
import { InputError } from '../../errors.ts';
import { VIEW_ALIGNMENT } from '../../kernels/gpu/tensor.ts';
import type { LlamaConfig } from './config.ts';

/** The linear layers of a decoder layer, as PEFT's `target_modules` names them. */
export const LORA_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type LoraTarget = (typeof LORA_TARGETS)[number];

export interface LoraConfig {
  /** Rank. */
  readonly r: number;
  /** The product B A is scaled by alpha / r. */
  readonly alpha: number;
  readonly targets: readonly LoraTarget[];
  /** Share of the elements of A's input that training drops, at least 0 and below 1. */
  readonly dropout: number;
  /** Of the random A; B starts at zero, so every seed starts at the reference. */
  readonly seed: number;
  /** Whether a linear layer from the final hidden state to one score is trained beside it: a reward model. */
  readonly score?: boolean;
  /**
   * Whether that layer is a critic's: it values every position while the policy is trained (PPO), and is no part of the
   * adapter as a file.
   */
  readonly critic?: boolean;
}

export const DEFAULT_LORA: LoraConfig = { r: 16, alpha: 32, targets: LORA_TARGETS, dropout: 0, seed: 0 };

/** The matrix products of a decoder layer: each weight matrix, packed or not, is one. */
export type Projection = 'qkv' | 'output' | 'gateUp' | 'down';

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
export interface GroupPlace {
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
  /** The layer that makes scores, [1, hidden]; only a reward model and a critic have one. */
  readonly score?: PlacedMatrix;
  /** Per layer: the groups that act on it. */
  readonly layers: readonly (readonly GroupPlace[])[];
  /** Elements of the buffer. */
  readonly size: number;
  /** Trainable numbers: the elements of all matrices. */
  readonly parameterCount: number;
}

/** Columns of the copies of a layer's inputs that dropout makes (`lora-dropout`), for the widest product; 0 without it. */
export function dropoutWidth({ config, layers }: LoraPlan): number {
  return config.dropout > 0 ? Math.max(...layers[0].map(({ slices, width }) => slices.length * width)) : 0;
}

/** Elements between places where WebGPU can bind. */
const ALIGNMENT = VIEW_ALIGNMENT / 4;
const aligned = (elements: number): number => Math.ceil(elements / ALIGNMENT) * ALIGNMENT;

/**
 * Lays out an adapter for a decoder.
 * @param modulePath where the decoder's layers stand in the Hugging Face model, e.g. "model.text_model.".
 * @throws InputError for a rank, alpha, dropout or target that cannot be used.
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
  if (config.score || config.critic) {
    score = { name: SCORE_NAME, shape: [1, hiddenSize], start: size, stride: hiddenSize };
    size = aligned(size + hiddenSize);
  }
  const trained = score ? [...matrices, score] : matrices;
  const parameterCount = trained.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  return { config, rank, matrices, score, layers, size, parameterCount };
}

function check({ r, alpha, targets, dropout }: LoraConfig): void {
  if (!Number.isInteger(r) || r < 1 || r > 256) {
    throw new InputError(`The LoRA rank is ${r}; it must be a whole number from 1 to 256.`, 'r');
  }
  if (!(alpha > 0 && Number.isFinite(alpha)))
    throw new InputError(`LoRA's alpha is ${alpha}; it must be above 0.`, 'alpha');
  if (!(dropout >= 0 && dropout < 1))
    throw new InputError(`LoRA's dropout is ${dropout}; it must be at least 0 and below 1.`, 'dropout');
  const unknown = targets.find((target) => !LORA_TARGETS.includes(target));
  if (unknown !== undefined) {
    throw new InputError(`LoRA cannot adapt "${unknown}"; it can adapt ${LORA_TARGETS.join(', ')}.`, 'targets');
  }
  if (targets.length === 0) throw new InputError('LoRA needs at least one target.', 'targets');
}
