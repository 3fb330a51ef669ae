/**
 * Two complete model folders of a few kilobytes, made from a seed: a VLM (one patch convolution, two Llama layers,
 * byte-level tokenizer) and a CLIP. They answer nonsense, but through every file and every line that the real ones use.
 */
import { random } from './random.ts';
import { onnxModel, tinyVisionEncoder } from './tiny-onnx.ts';

const EDGE = 16;
const PATCH = 4;
const HIDDEN = 32;
const INTERMEDIATE = 64;
const LAYERS = 2;
const HEADS = 2;
const HEAD_DIM = 16;
const CLIP_DIM = 16;
const CLIP_LENGTH = 24;

/** Longest sequence of the tiny VLM. */
export const MAX_POSITIONS = 160;

const SPECIAL = ['<|im_start|>', '<end_of_utterance>', '<fake_token_around_image>', '<global-img>', '<image>', '<pad>'];

/** The template of SmolVLM. */
const CHAT_TEMPLATE =
  "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}" +
  "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}" +
  "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}" +
  "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

/** The 256 characters that byte-level BPE writes bytes as (GPT-2's `bytes_to_unicode`). */
function byteAlphabet(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

function tokenizerJson(specials: readonly string[], postProcessor: unknown = null) {
  const vocab: Record<string, number> = {};
  specials.forEach((token, id) => {
    vocab[token] = id;
  });
  byteAlphabet().forEach((letter, i) => {
    vocab[letter] = specials.length + i;
  });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: postProcessor,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', dropout: null, unk_token: null, fuse_unk: false, byte_fallback: false, vocab, merges: [] },
  };
}

/** A safetensors file of f32 tensors. */
function safetensors(
  tensors: Readonly<Record<string, { shape: number[]; data: Float32Array }>>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(
    JSON.stringify(header).padEnd(Math.ceil(JSON.stringify(header).length / 8) * 8),
  );
  const file = new Uint8Array(8 + json.length + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  let at = 8 + json.length;
  for (const { data } of Object.values(tensors)) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

function decoderWeights(vocab: number): Uint8Array<ArrayBuffer> {
  const source = random(11);
  const matrix = (out: number, width: number) => ({
    shape: [out, width],
    data: source.normals(out * width, width ** -0.5),
  });
  const ones = () => ({ shape: [HIDDEN], data: new Float32Array(HIDDEN).fill(1) });
  const tensors: Record<string, { shape: number[]; data: Float32Array }> = {
    'model.text_model.embed_tokens.weight': matrix(vocab, HIDDEN),
    'model.text_model.norm.weight': ones(),
  };
  for (let layer = 0; layer < LAYERS; layer++) {
    const at = `model.text_model.layers.${layer}.`;
    tensors[`${at}input_layernorm.weight`] = ones();
    tensors[`${at}post_attention_layernorm.weight`] = ones();
    tensors[`${at}self_attn.q_proj.weight`] = matrix(HEADS * HEAD_DIM, HIDDEN);
    tensors[`${at}self_attn.k_proj.weight`] = matrix(HEAD_DIM, HIDDEN);
    tensors[`${at}self_attn.v_proj.weight`] = matrix(HEAD_DIM, HIDDEN);
    tensors[`${at}self_attn.o_proj.weight`] = matrix(HIDDEN, HEADS * HEAD_DIM);
    tensors[`${at}mlp.gate_proj.weight`] = matrix(INTERMEDIATE, HIDDEN);
    tensors[`${at}mlp.up_proj.weight`] = matrix(INTERMEDIATE, HIDDEN);
    tensors[`${at}mlp.down_proj.weight`] = matrix(HIDDEN, INTERMEDIATE);
  }
  return safetensors(tensors);
}

/** Image tower: patch convolution, mean over patches. Text tower: mean of token embeddings. */
function clipTowers(vocab: number) {
  const source = random(13);
  const vision = onnxModel({
    inputs: [{ name: 'pixel_values', type: 'float', dims: ['batch', 3, EDGE, EDGE] }],
    outputs: [{ name: 'image_embeds', type: 'float', dims: ['batch', CLIP_DIM] }],
    initializers: [
      { name: 'weights', dims: [CLIP_DIM, 3, PATCH, PATCH], data: source.normals(CLIP_DIM * 3 * PATCH * PATCH, 0.2) },
    ],
    nodes: [
      {
        op: 'Conv',
        inputs: ['pixel_values', 'weights'],
        outputs: ['patches'],
        attributes: { kernel_shape: [PATCH, PATCH], strides: [PATCH, PATCH] },
      },
      { op: 'Relu', inputs: ['patches'], outputs: ['active'] },
      { op: 'GlobalAveragePool', inputs: ['active'], outputs: ['pooled'] },
      { op: 'Flatten', inputs: ['pooled'], outputs: ['image_embeds'], attributes: { axis: 1 } },
    ],
  });
  const text = onnxModel({
    inputs: [{ name: 'input_ids', type: 'int64', dims: ['batch', 'length'] }],
    outputs: [{ name: 'text_embeds', type: 'float', dims: ['batch', CLIP_DIM] }],
    initializers: [{ name: 'table', dims: [vocab, CLIP_DIM], data: source.normals(vocab * CLIP_DIM) }],
    nodes: [
      { op: 'Gather', inputs: ['table', 'input_ids'], outputs: ['rows'], attributes: { axis: 0 } },
      { op: 'ReduceMean', inputs: ['rows'], outputs: ['text_embeds'], attributes: { axes: [1], keepdims: 0 } },
    ],
  });
  return { vision, text };
}

const json = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));

const CLIP_SPECIAL = ['<|startoftext|>', '<|endoftext|>'];

/** `ids: 0` text `1`, as CLIP's tokenizer writes it. */
const CLIP_TEMPLATE = {
  type: 'TemplateProcessing',
  single: [
    { SpecialToken: { id: CLIP_SPECIAL[0], type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { SpecialToken: { id: CLIP_SPECIAL[1], type_id: 0 } },
  ],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: Object.fromEntries(CLIP_SPECIAL.map((id, i) => [id, { id, ids: [i], tokens: [id] }])),
};

/** Every file by its path below the models folder, the catalog included. */
export function tinyModelFolder(): Map<string, Uint8Array<ArrayBuffer>> {
  const vocab = SPECIAL.length + 256;
  const clip = clipTowers(CLIP_SPECIAL.length + 256);
  const square = { height: EDGE, width: EDGE };
  const files = new Map<string, Uint8Array<ArrayBuffer>>([
    [
      'tiny-vlm/config.json',
      json({
        model_type: 'idefics3',
        tie_word_embeddings: true,
        text_config: {
          model_type: 'llama',
          vocab_size: vocab,
          hidden_size: HIDDEN,
          intermediate_size: INTERMEDIATE,
          num_hidden_layers: LAYERS,
          num_attention_heads: HEADS,
          num_key_value_heads: 1,
          head_dim: HEAD_DIM,
          rms_norm_eps: 1e-5,
          rope_theta: 10000,
          max_position_embeddings: MAX_POSITIONS,
          hidden_act: 'silu',
        },
      }),
    ],
    ['tiny-vlm/tokenizer.json', json(tokenizerJson(SPECIAL))],
    [
      'tiny-vlm/tokenizer_config.json',
      json({
        tokenizer_class: 'GPT2Tokenizer',
        eos_token: SPECIAL[1],
        pad_token: '<pad>',
        chat_template: CHAT_TEMPLATE,
      }),
    ],
    [
      'tiny-vlm/preprocessor_config.json',
      json({ size: { longest_edge: EDGE }, max_image_size: { longest_edge: EDGE }, resample: 1 }),
    ],
    ['tiny-vlm/model.safetensors', decoderWeights(vocab)],
    [
      'tiny-vlm/onnx/vision_encoder.onnx',
      tinyVisionEncoder(EDGE, PATCH, HIDDEN, random(12).normals(HIDDEN * 3 * PATCH * PATCH, 0.2)),
    ],
    ['tiny-clip/config.json', json({ text_config: { max_position_embeddings: CLIP_LENGTH } })],
    ['tiny-clip/tokenizer.json', json(tokenizerJson(CLIP_SPECIAL, CLIP_TEMPLATE))],
    [
      'tiny-clip/tokenizer_config.json',
      json({ tokenizer_class: 'CLIPTokenizer', eos_token: '<|endoftext|>', pad_token: '<|endoftext|>' }),
    ],
    ['tiny-clip/preprocessor_config.json', json({ size: { shortest_edge: EDGE }, crop_size: square, resample: 3 })],
    ['tiny-clip/onnx/vision_model.onnx', clip.vision],
    ['tiny-clip/onnx/text_model.onnx', clip.text],
  ]);
  files.set('catalog.json', json({ models: [entry('tiny-vlm', 'vlm', files), entry('tiny-clip', 'clip', files)] }));
  return files;
}

const ROLES: Readonly<Record<string, string>> = {
  'config.json': 'config',
  'tokenizer.json': 'tokenizer',
  'tokenizer_config.json': 'tokenizerConfig',
  'preprocessor_config.json': 'preprocessor',
  'model.safetensors': 'weights',
  'onnx/vision_encoder.onnx': 'visionEncoder',
  'onnx/vision_model.onnx': 'clipVision',
  'onnx/text_model.onnx': 'clipText',
};

function entry(id: string, kind: 'vlm' | 'clip', files: ReadonlyMap<string, Uint8Array>) {
  const own = [...files].filter(([path]) => path.startsWith(`${id}/`));
  return {
    id,
    label: id,
    kind,
    world: 'toybox',
    licence: 'MIT',
    about: 'A fixture.',
    source: { type: 'bundled', path: id },
    files: own.map(([path, bytes]) => {
      const name = path.slice(id.length + 1);
      return { role: ROLES[name], path: name, bytes: bytes.length };
    }),
  };
}
