/** The decoder's shape, from a Hugging Face `config.json`. */
import { isObject } from '../../check.ts';
import { ModelFileError } from '../../errors.ts';
import { jsonExcerpt } from '../../json-excerpt.ts';

/** The Llama family as the kernels know it: RMSNorm, RoPE, grouped-query attention, SwiGLU, no biases. */
export interface LlamaConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** Longest sequence: prompt, visual tokens and answer together. */
  readonly maxPositions: number;
  /** The head is the embedding table. */
  readonly tiedHead: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** Largest head the attention kernels hold. */
const MAX_HEAD_DIM = 128;
/** Above any model a browser holds: numbers beyond are damage, and must not become loops or buffers. */
const MAX_SIZE = 2 ** 22;
const MAX_POSITIONS = 2 ** 24;
const MAX_LAYERS = 1024;

/** Fields of relatives of Llama that change what is computed, with the values at which they do nothing. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  attention_bias: [false],
  mlp_bias: [false],
  hidden_act: ['silu'],
  qk_layer_norms: [false],
  use_qk_norm: [false],
  rope_interleaved: [false],
  partial_rotary_factor: [1],
  sliding_window: [],
  logits_scaling: [1],
  logit_scale: [1],
  embedding_multiplier: [1],
  residual_multiplier: [1],
  attn_logit_softcapping: [],
  final_logit_softcapping: [],
  quantization_config: [],
};

/**
 * Reads the decoder part of an Idefics3/SmolVLM configuration (`text_config`) or a plain Llama configuration.
 * Defaults are those of Hugging Face's `LlamaConfig`.
 * @throws ModelFileError naming the field for anything missing or beyond what the kernels compute.
 */
export function parseLlamaConfig(json: unknown, file = 'config.json'): LlamaConfig {
  const refuse = (why: string): never => {
    throw new ModelFileError(`${file}: ${why}`, file);
  };
  const whole: Json = isObject(json) ? json : refuse('is not a model configuration.');
  const part = whole.text_config ?? whole;
  const text: Json = isObject(part) ? part : refuse(`"text_config" is ${jsonExcerpt(part)}.`);

  const wrong = (name: string, rule: string, value: unknown): never =>
    refuse(value === undefined ? `"${name}" is missing.` : `"${name}" must be ${rule}, not ${jsonExcerpt(value)}.`);
  const size = (name: string, fallback?: number, most = MAX_SIZE): number => {
    const value = text[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > most) {
      return wrong(name, `a whole number from 1 to ${most}`, value);
    }
    return value;
  };
  const positive = (name: string, value: unknown): number => {
    if (typeof value !== 'number' || !(value > 0 && Number.isFinite(value))) return wrong(name, 'positive', value);
    return value;
  };

  if (typeof text.model_type === 'string' && !['llama', 'vllama3', 'smollm'].includes(text.model_type)) {
    refuse(`the decoder is ${jsonExcerpt(text.model_type)}; only the Llama family is supported.`);
  }
  for (const [name, values] of Object.entries(NEUTRAL)) {
    const value = text[name] ?? whole[name] ?? undefined;
    if (value !== undefined && !values.includes(value))
      refuse(`"${name}" is ${jsonExcerpt(value)}; this is not supported.`);
  }
  const tied = whole.tie_word_embeddings ?? text.tie_word_embeddings ?? false;
  if (typeof tied !== 'boolean') return refuse(`"tie_word_embeddings" is ${jsonExcerpt(tied)}.`);

  const hiddenSize = size('hidden_size');
  const heads = size('num_attention_heads');
  const config: LlamaConfig = {
    vocabSize: size('vocab_size'),
    hiddenSize,
    intermediateSize: size('intermediate_size'),
    layers: size('num_hidden_layers', undefined, MAX_LAYERS),
    heads,
    kvHeads: size('num_key_value_heads', heads),
    headDim: size('head_dim', hiddenSize / heads),
    rmsNormEps: positive('rms_norm_eps', text.rms_norm_eps ?? 1e-6),
    ropeTheta: positive('rope_theta', ropeTheta(text, refuse)),
    maxPositions: size('max_position_embeddings', 2048, MAX_POSITIONS),
    tiedHead: tied,
  };
  if (heads % config.kvHeads !== 0) refuse(`${heads} query heads cannot share ${config.kvHeads} key-value heads.`);
  if (config.headDim % 4 !== 0 || config.headDim > MAX_HEAD_DIM) {
    refuse(`"head_dim" is ${config.headDim}; it must be a multiple of 4 and at most ${MAX_HEAD_DIM}.`);
  }
  for (const [name, width] of [
    ['hidden_size', hiddenSize],
    ['intermediate_size', config.intermediateSize],
    ['num_attention_heads × head_dim', heads * config.headDim],
  ] as const) {
    if (width % 4 !== 0) refuse(`"${name}" is ${width}; it must be a multiple of 4.`);
  }
  return config;
}

/** `rope_theta`, in its old place or in `rope_parameters` (transformers 5); scaled variants are refused. */
function ropeTheta(text: Json, refuse: (why: string) => never): unknown {
  const given = text.rope_parameters ?? text.rope_scaling ?? {};
  const parameters: Json = isObject(given) ? given : refuse(`the parameters of RoPE are ${jsonExcerpt(given)}.`);
  const type = parameters.rope_type ?? parameters.type ?? 'default';
  if (type !== 'default') refuse(`RoPE scaling ${jsonExcerpt(type)} is not supported.`);
  return parameters.rope_theta ?? text.rope_theta ?? 10_000;
}
