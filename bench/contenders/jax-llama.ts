/**
 * A Llama decoder with LoRA on jax-js, as its users write one: full-sequence matrices, `nn.dotProductAttention`, all
 * logits. jax-js counts references: every argument is consumed, `.ref` keeps one for later.
 */
import { type Array as JaxArray, nn, numpy as np } from '@jax-js/jax';
import { type LlamaConfig, LORA_TARGETS, type LoraTarget } from '../../src/models/policy/index.ts';
import { LORA, type TrainingInputs } from '../training-inputs.ts';
import { pickedLogprobs } from './jax.ts';

/** Arrays of the same name in every layer. */
type Layer<Name extends string> = Record<Name, JaxArray>;
type Norm = 'input_layernorm' | 'post_attention_layernorm';

export type JaxWeights = {
  embedding: JaxArray;
  norm: JaxArray;
  /** Of the rotation, f32 [tokens, 1, headDim]. */
  cos: JaxArray;
  sin: JaxArray;
  layers: Layer<LoraTarget | Norm>[];
};

/** Per layer and target: A [r, in] and B [out, r]. */
export type JaxLora = Record<LoraTarget, { a: JaxArray; b: JaxArray }>[];

const MODULE: Readonly<Record<LoraTarget, string>> = {
  q_proj: 'self_attn.q_proj',
  k_proj: 'self_attn.k_proj',
  v_proj: 'self_attn.v_proj',
  o_proj: 'self_attn.o_proj',
  gate_proj: 'mlp.gate_proj',
  up_proj: 'mlp.up_proj',
  down_proj: 'mlp.down_proj',
};

/** Weights of a model that reads sequences of `length` tokens. */
export function jaxWeights({ config, weights }: TrainingInputs, length: number): JaxWeights {
  const array = (name: string) => {
    const { data, shape } = weights.get(name)!;
    return np.array(data, { shape: [...shape] });
  };
  const layers = Array.from({ length: config.layers }, (_, layer) => {
    const at = `model.layers.${layer}.`;
    const entries = LORA_TARGETS.map((target) => [target, array(`${at}${MODULE[target]}.weight`)] as const);
    const norms = (['input_layernorm', 'post_attention_layernorm'] as const).map(
      (name) => [name, array(`${at}${name}.weight`)] as const,
    );
    return Object.fromEntries([...entries, ...norms]) as Layer<LoraTarget | Norm>;
  });
  return {
    embedding: array('model.embed_tokens.weight'),
    norm: array('model.norm.weight'),
    cos: angles(config, length, Math.cos),
    sin: angles(config, length, Math.sin),
    layers,
  };
}

export function jaxLora({ config, adapter, matrices }: TrainingInputs): JaxLora {
  const layers: JaxLora = Array.from({ length: config.layers }, () => ({}) as JaxLora[number]);
  for (const { name, layer, target, part, shape } of matrices) {
    const array = np.array(adapter.get(name)!, { shape: [...shape] });
    const pair = layers[layer]![target] ?? ({} as { a: JaxArray; b: JaxArray });
    pair[part === 'A' ? 'a' : 'b'] = array;
    layers[layer]![target] = pair;
  }
  return layers;
}

function angles({ headDim, ropeTheta }: LlamaConfig, length: number, of: (angle: number) => number): JaxArray {
  const half = headDim / 2;
  const table = new Float32Array(length * headDim);
  for (let i = 0; i < table.length; i++) {
    const position = Math.floor(i / headDim);
    table[i] = of(position * ropeTheta ** ((-2 * (i % half)) / headDim));
  }
  return np.array(table, { shape: [length, 1, headDim] });
}

/** y = x Wᵀ + scale · (x Aᵀ) Bᵀ */
function linear(x: JaxArray, weight: JaxArray, { a, b }: { a: JaxArray; b: JaxArray }): JaxArray {
  const low = np.matmul(x.ref, np.matrixTranspose(a));
  const update = np.matmul(low, np.matrixTranspose(b)).mul(LORA.alpha / LORA.r);
  return np.matmul(x, np.matrixTranspose(weight)).add(update);
}

function rmsNorm(x: JaxArray, gain: JaxArray, eps: number): JaxArray {
  const meanSquare = np.square(x.ref).mean(-1, { keepdims: true });
  return x.div(np.sqrt(meanSquare.add(eps))).mul(gain);
}

function rotate(x: JaxArray, cos: JaxArray, sin: JaxArray): JaxArray {
  const [first, second] = np.split(x.ref, 2, -1);
  const turned = np.concatenate([np.negative(second!), first!], -1);
  return x.mul(cos).add(turned.mul(sin));
}

/**
 * Log-probabilities of the last `targets.shape[1]` tokens of every sequence, f32 [sequences, answer].
 * @param ids i32 [sequences, length].
 */
export function jaxLogprobs(
  config: LlamaConfig,
  { embedding, norm, cos, sin, layers }: JaxWeights,
  lora: JaxLora,
  ids: JaxArray,
  targets: JaxArray,
): JaxArray {
  const { heads, kvHeads, headDim, rmsNormEps: eps, hiddenSize } = config;
  const [sequences, length] = ids.shape as [number, number];
  const answer = targets.shape[1]!;
  let x = embedding.ref.slice(ids) as JaxArray;
  for (const [index, layer] of layers.entries()) {
    const adapter = lora[index]!;
    const normed = rmsNorm(x.ref, layer.input_layernorm, eps);
    const project = (input: JaxArray, target: LoraTarget) => linear(input, layer[target], adapter[target]);
    const split = (y: JaxArray, count: number) => y.reshape([sequences, length, count, headDim]);
    const q = rotate(split(project(normed.ref, 'q_proj'), heads), cos.ref, sin.ref);
    const k = rotate(split(project(normed.ref, 'k_proj'), kvHeads), cos.ref, sin.ref);
    const v = split(project(normed, 'v_proj'), kvHeads);
    const mixed = nn.dotProductAttention(q, k, v, { isCausal: true });
    x = x.add(project(mixed.reshape([sequences, length, heads * headDim]), 'o_proj'));

    const inner = rmsNorm(x.ref, layer.post_attention_layernorm, eps);
    const gate = nn.silu(project(inner.ref, 'gate_proj'));
    x = x.add(project(gate.mul(project(inner, 'up_proj')), 'down_proj'));
  }
  cos.dispose();
  sin.dispose();
  // The rows that predict the answer, and only they, go through the head.
  const predicting = rmsNorm(x, norm, eps).slice([], [length - answer - 1, length - 1]) as JaxArray;
  const rows = predicting.reshape([sequences * answer, hiddenSize]);
  return pickedLogprobs(rows, embedding, targets.reshape([sequences * answer])).reshape([sequences, answer]);
}
