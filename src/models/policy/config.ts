/** The decoder's shape, from a Hugging Face `config.json`. */
import { ModelFileError } from '../../errors.ts';

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

/**
 * Reads the decoder part of an Idefics3/SmolVLM configuration (`text_config`) or a plain Llama configuration.
 * Defaults are those of Hugging Face's `LlamaConfig`.
 * @throws ModelFileError naming the field for anything missing or beyond what the kernels compute.
 */
export function parseLlamaConfig(json: unknown, file = 'config.json'): LlamaConfig {
  const refuse = (why: string): never => {
    throw new ModelFileError(`${file}: ${why}`, file);
  };
  if (typeof json !== 'object' || json === null) refuse('is not a model configuration.');
  const whole = json as Json;
  const text = (whole.text_config ?? whole) as Json;

  const size = (name: string, fallback?: number): number => {
    const value = text[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
      return refuse(`"${name}" must be a positive whole number, not ${JSON.stringify(value)}.`);
    }
    return value;
  };
  const positive = (name: string, value: unknown): number => {
    if (typeof value !== 'number' || !(value > 0))
      return refuse(`"${name}" must be positive, not ${JSON.stringify(value)}.`);
    return value;
  };

  if (typeof text.model_type === 'string' && !['llama', 'vllama3', 'smollm'].includes(text.model_type)) {
    refuse(`the decoder is "${text.model_type}"; only the Llama family is supported.`);
  }
  if (text.attention_bias || text.mlp_bias) refuse('linear layers with biases are not supported.');
  const activation = text.hidden_act ?? 'silu';
  if (activation !== 'silu') refuse(`"hidden_act" is ${JSON.stringify(activation)}; only "silu" is supported.`);

  const hiddenSize = size('hidden_size');
  const heads = size('num_attention_heads');
  const config: LlamaConfig = {
    vocabSize: size('vocab_size'),
    hiddenSize,
    intermediateSize: size('intermediate_size'),
    layers: size('num_hidden_layers'),
    heads,
    kvHeads: size('num_key_value_heads', heads),
    headDim: size('head_dim', hiddenSize / heads),
    rmsNormEps: positive('rms_norm_eps', text.rms_norm_eps ?? 1e-6),
    ropeTheta: positive('rope_theta', ropeTheta(text, refuse)),
    maxPositions: size('max_position_embeddings', 2048),
    tiedHead: Boolean(whole.tie_word_embeddings ?? text.tie_word_embeddings ?? false),
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
  const parameters = (text.rope_parameters ?? text.rope_scaling ?? {}) as Json;
  const type = parameters.rope_type ?? parameters.type ?? 'default';
  if (type !== 'default') refuse(`RoPE scaling ${JSON.stringify(type)} is not supported.`);
  return parameters.rope_theta ?? text.rope_theta ?? 10_000;
}
