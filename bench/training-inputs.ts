/** Seeded inputs of the cases with gradients, and their float64 references. */
import { attentionBackwardReference, attentionReference } from '../src/kernels/attention/reference.ts';
import { headLogprobBackwardReference } from '../src/kernels/head-logprob/reference.ts';
import { type LlamaConfig, type LoraMatrix, planLora } from '../src/models/policy/index.ts';
import { random } from '../tests/support/random.ts';
import type { AttentionCase, HeadGradientCase, TrainingCase } from './cases.ts';
import { CHECKED_ROWS, type HeadInputs, headInputs, values } from './inputs.ts';

type Floats = Float32Array<ArrayBuffer>;

export interface HeadGradientInputs extends HeadInputs {
  /** d(loss) / d(log-probability) of every token. */
  readonly dLogps: Floats;
}

export function headGradientInputs(item: HeadGradientCase): HeadGradientInputs {
  return { ...headInputs({ ...item, kind: 'head' }), dLogps: values(item.tokens, 5, 1) };
}

/** d(hidden) of the first rows. */
export function headGradientExpected({ width, vocab }: HeadGradientCase, inputs: HeadGradientInputs): Float64Array {
  const { hidden, weights, targets, dLogps } = inputs;
  const rows = Math.min(CHECKED_ROWS, targets.length);
  const some = [hidden.subarray(0, rows * width), weights, targets.subarray(0, rows), dLogps] as const;
  const dLogits = headLogprobBackwardReference(...some, width);
  const dHidden = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let entry = 0; entry < vocab; entry++) {
      const d = dLogits[row * vocab + entry]!;
      for (let i = 0; i < width; i++) dHidden[row * width + i]! += d * weights[entry * width + i]!;
    }
  }
  return dHidden;
}

export interface AttentionInputs {
  readonly rows: number;
  readonly q: Floats;
  readonly k: Floats;
  readonly v: Floats;
  /** d(loss) / d(y): zero but in the rows `checked`, which costs a kernel the same and the float64 reference less. */
  readonly dy: Floats;
  /** Rows from the first to the last. */
  readonly checked: readonly number[];
}

/** Rows that the reference computes. */
const ATTENTION_ROWS = 32;

export function attentionInputs({ tokens, heads, kvHeads, headDim }: AttentionCase): AttentionInputs {
  const width = heads * headDim;
  const every = (tokens - 1) / (ATTENTION_ROWS - 1);
  const checked = Array.from({ length: ATTENTION_ROWS }, (_, i) => Math.round(i * every));
  const dense = values(tokens * width, 4, 1);
  const dy = new Float32Array(tokens * width);
  for (const row of checked) dy.set(dense.subarray(row * width, (row + 1) * width), row * width);
  return {
    rows: tokens,
    q: values(tokens * width, 1, 2),
    k: values(tokens * kvHeads * headDim, 2, 2),
    v: values(tokens * kvHeads * headDim, 3, 1),
    dy,
    checked,
  };
}

/** What is compared: y of the checked rows, then the gradients of q, k and v. */
export function attentionValues(
  { q, checked, rows }: AttentionInputs,
  [y, ...gradients]: readonly ArrayLike<number>[],
): Float64Array {
  const width = q.length / rows;
  const some = checked.flatMap((row) => Array.prototype.slice.call(y, row * width, (row + 1) * width) as number[]);
  return Float64Array.from([...some, ...gradients.flatMap((gradient) => Array.from(gradient))]);
}

export function attentionExpected(item: AttentionCase, inputs: AttentionInputs): Float64Array {
  const { tokens, heads, headDim } = item;
  const { q, k, v, dy, checked } = inputs;
  const width = heads * headDim;
  const some = (from: Floats) => checked.flatMap((row) => Array.from(from.subarray(row * width, (row + 1) * width)));
  const spans = checked.flatMap((row) => [0, 0, 0, row + 1]);
  const queries = some(q);
  const { y } = attentionReference(queries, k, v, spans, item);
  const { dq, dk, dv } = attentionBackwardReference(queries, k, v, spans, some(dy), item);
  const spread = (rows: Float64Array) => {
    const all = new Float64Array(tokens * width);
    for (const [i, row] of checked.entries()) all.set(rows.subarray(i * width, (i + 1) * width), row * width);
    return all;
  };
  return attentionValues(inputs, [spread(y), spread(dq), dk, dv]);
}

/** PEFT's default rank and alpha as Margin has them, on all linear layers. */
export const LORA = { r: 16, alpha: 32 } as const;

/** The same on every side. At this rate the loss moves with every step and has not vanished after 20. */
export const OPTIMIZER = {
  learning_rate: 1e-4,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  weight_decay: 0.01,
  max_grad_norm: 1,
} as const;

export const DPO_BETA = 0.1;

export interface FloatMatrix {
  readonly shape: readonly number[];
  readonly data: Floats;
}

export interface TrainingInputs {
  readonly config: LlamaConfig;
  /** By their Hugging Face names. */
  readonly weights: ReadonlyMap<string, FloatMatrix>;
  readonly matrices: readonly LoraMatrix[];
  /** The adapter's first values by their PEFT names: A random, B zero. */
  readonly adapter: ReadonlyMap<string, Floats>;
  readonly promptIds: readonly number[];
  readonly chosenIds: readonly number[];
  readonly rejectedIds: readonly number[];
}

/** A decoder of random weights whose activations stay near 1, and one pair of random tokens. */
export function trainingInputs(item: TrainingCase): TrainingInputs {
  const { hiddenSize, intermediateSize, layers, heads, kvHeads, headDim, vocabSize } = item;
  const config: LlamaConfig = {
    ...{ vocabSize, hiddenSize, intermediateSize, layers, heads, kvHeads, headDim },
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    maxPositions: 2048,
    tiedHead: true,
  };
  const weights = new Map<string, FloatMatrix>();
  let seed = 10;
  // Values in [-√3 s, √3 s) have the standard deviation s.
  const matrix = (name: string, out: number, width: number, deviation = width ** -0.5) =>
    weights.set(name, { shape: [out, width], data: values(out * width, seed++, Math.sqrt(3) * deviation) });
  const ones = (name: string) => weights.set(name, { shape: [hiddenSize], data: new Float32Array(hiddenSize).fill(1) });
  matrix('model.embed_tokens.weight', vocabSize, hiddenSize, 0.05);
  ones('model.norm.weight');
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}.`;
    ones(`${at}input_layernorm.weight`);
    ones(`${at}post_attention_layernorm.weight`);
    matrix(`${at}self_attn.q_proj.weight`, heads * headDim, hiddenSize);
    matrix(`${at}self_attn.k_proj.weight`, kvHeads * headDim, hiddenSize);
    matrix(`${at}self_attn.v_proj.weight`, kvHeads * headDim, hiddenSize);
    matrix(`${at}self_attn.o_proj.weight`, hiddenSize, heads * headDim);
    matrix(`${at}mlp.gate_proj.weight`, intermediateSize, hiddenSize);
    matrix(`${at}mlp.up_proj.weight`, intermediateSize, hiddenSize);
    matrix(`${at}mlp.down_proj.weight`, hiddenSize, intermediateSize);
  }
  const { matrices } = planLora(config, 'model.', LORA);
  const adapter = new Map(
    matrices.map(({ name, part, shape: [rows, cols] }) => [
      name,
      part === 'A' ? values(rows * cols, seed++, cols ** -0.5) : new Float32Array(rows * cols),
    ]),
  );
  const ids = (count: number) => Array.from(random(seed++).ints(count, vocabSize));
  return {
    ...{ config, weights, matrices, adapter },
    promptIds: ids(item.prompt),
    chosenIds: ids(item.answer),
    rejectedIds: ids(item.answer),
  };
}
