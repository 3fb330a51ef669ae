/** The decoder's weights on the GPU, in the precision of the file: nothing is converted (docs/decisions/0010). */
import { ModelFileError } from '../../errors.ts';
import type { Scope, Tensor } from '../../kernels/gpu/index.ts';
import type { Weight } from '../../kernels/shared/weights.ts';
import { finiteWords, formatOf, toFloats } from '../weights/floats.ts';
import type { Safetensors, SafetensorsEntry } from '../weights/safetensors.ts';
import type { LlamaConfig } from './config.ts';

/** One decoder layer. q, k, v lie below each other in one matrix, and so do gate and up: one product each. */
export interface LayerWeights {
  readonly inputNorm: Tensor;
  readonly qkv: Weight;
  readonly output: Weight;
  readonly postNorm: Tensor;
  readonly gateUp: Weight;
  readonly down: Weight;
}

export interface DecoderWeights {
  /** Where the layers stand in the model, e.g. "model.text_model.": adapters are named after it. */
  readonly modulePath: string;
  readonly embedding: Weight;
  readonly layers: readonly LayerWeights[];
  readonly norm: Tensor;
  /** The embedding itself when the head is tied. */
  readonly head: Weight;
}

/** Where the decoder's tensors stand: SmolVLM / Idefics3, plain Llama, and the older spellings of both. */
export const DECODER_PREFIXES = [
  'model.text_model.',
  'model.',
  'text_model.',
  'model.language_model.',
  'language_model.model.',
  '',
];
const HEADS = ['lm_head.weight', 'language_model.lm_head.weight'];

/**
 * Uploads what the configuration asks for into `scope`.
 * @throws ModelFileError for a missing tensor, a wrong shape, a dtype that is no float, an infinity or a NaN;
 *   OutOfMemoryError.
 */
export function loadWeights(scope: Scope, config: LlamaConfig, file: Safetensors): DecoderWeights {
  const prefix = DECODER_PREFIXES.find((candidate) => file.has(`${candidate}layers.0.input_layernorm.weight`));
  if (prefix === undefined) {
    throw new ModelFileError(
      `${file.file} has no Llama decoder: no tensor "…layers.0.input_layernorm.weight".`,
      file.file,
    );
  }
  const { hiddenSize, intermediateSize, vocabSize, heads, kvHeads, headDim } = config;
  const matrix = (label: string, width: number, parts: readonly (readonly [name: string, out: number])[]): Weight =>
    uploadMatrix(
      scope,
      label,
      width,
      parts.map(([name, out]) => file.get(name, [out, width])),
      file.file,
    );
  const vector = (name: string): Tensor =>
    scope.upload('f32', [hiddenSize], toFloats(file.get(name, [hiddenSize]), file.file), name);

  const layers = Array.from({ length: config.layers }, (_, index): LayerWeights => {
    const at = `${prefix}layers.${index}.`;
    return {
      inputNorm: vector(`${at}input_layernorm.weight`),
      qkv: matrix(`${at}qkv`, hiddenSize, [
        [`${at}self_attn.q_proj.weight`, heads * headDim],
        [`${at}self_attn.k_proj.weight`, kvHeads * headDim],
        [`${at}self_attn.v_proj.weight`, kvHeads * headDim],
      ]),
      output: matrix(`${at}o_proj`, heads * headDim, [[`${at}self_attn.o_proj.weight`, hiddenSize]]),
      postNorm: vector(`${at}post_attention_layernorm.weight`),
      gateUp: matrix(`${at}gate_up`, hiddenSize, [
        [`${at}mlp.gate_proj.weight`, intermediateSize],
        [`${at}mlp.up_proj.weight`, intermediateSize],
      ]),
      down: matrix(`${at}down_proj`, intermediateSize, [[`${at}mlp.down_proj.weight`, hiddenSize]]),
    };
  });
  const embedding = matrix('embed_tokens', hiddenSize, [[`${prefix}embed_tokens.weight`, vocabSize]]);
  const head = config.tiedHead
    ? embedding
    : matrix('lm_head', hiddenSize, [[HEADS.find((name) => file.has(name)) ?? HEADS[0], vocabSize]]);
  return { modulePath: prefix, embedding, layers, norm: vector(`${prefix}norm.weight`), head };
}

/** Entries [.., width] of one dtype, one below the other. */
function uploadMatrix(
  scope: Scope,
  label: string,
  width: number,
  entries: readonly SafetensorsEntry[],
  file: string,
): Weight {
  const format = formatOf(entries[0], file);
  if (entries.some((entry) => formatOf(entry, file) !== format)) {
    throw new ModelFileError(`${file}: the parts of ${label} differ in dtype.`, file);
  }
  const out = entries.reduce((sum, entry) => sum + entry.shape[0], 0);
  const words = finiteWords(entries, format, file);
  const tensor =
    format === 'f32'
      ? scope.upload('f32', [out, width], new Float32Array(words), label)
      : scope.upload('u32', [out, width / 2], new Uint32Array(words), label);
  return { format, tensor, out, width };
}
