/** The tensors of `adapter_model.safetensors`: which are the decoder's, which may be left out, which are refused. */
import { InputError, ModelFileError } from '../../errors.ts';
import { jsonExcerpt } from '../../json-excerpt.ts';
import { toFloats } from '../weights/floats.ts';
import { Safetensors, type SafetensorsEntry } from '../weights/safetensors.ts';
import { LORA_TARGETS, type LoraTarget, SCORE_NAME } from './lora.ts';
import { WEIGHTS_FILE } from './peft-archive.ts';
import { CONFIG_FILE, isTarget, type PeftConfig } from './peft-config.ts';
import { DECODER_PREFIXES } from './weights.ts';

/** A and B of one module of the decoder, row-major. */
export interface PeftModule {
  /** Path in the Hugging Face model. */
  readonly path: string;
  readonly layer: number;
  readonly target: LoraTarget;
  readonly rank: number;
  /** f32 [rank, in] */
  readonly a: Float32Array;
  /** f32 [out, rank] */
  readonly b: Float32Array;
}

export interface PeftTensors {
  /** In the order of the file; never empty. */
  readonly modules: readonly PeftModule[];
  /** f32 [1, hidden], where the configuration says that it was trained. */
  readonly score?: Float32Array;
  /** Modules outside the decoder's layers: left out. */
  readonly outside: { readonly trained: readonly string[]; readonly untrained: readonly string[] };
}

/** A pair that is not complete yet. */
interface Pair {
  A?: SafetensorsEntry;
  B?: SafetensorsEntry;
}

/** PEFT's names are below this. */
const LONGEST_NAME = 256;
const LORA_NAME = /^base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/;
const DECODER_MODULE = /^(.*?)layers\.(\d{1,5})\.(self_attn|mlp)\.(\w+)$/;
/** Modules of the picture's side: a list in `target_modules` reaches them too. */
const PICTURE_SIDE = /(?:^|\.)(?:vision_model|vision_tower|visual|connector|multi_modal_projector)\./;

/**
 * Sorts the tensors, and checks that all are finite and complete.
 * @throws InputError naming the tensor.
 */
export function readPeftTensors(bytes: Uint8Array, config: PeftConfig): PeftTensors {
  const file = parse(bytes);
  const pairs = new Map<string, Pair>();
  let score: Float32Array | undefined;
  for (const name of file.names) {
    const entry = file.get(name);
    if (config.score && name === SCORE_NAME) {
      score = floats(entry);
      continue;
    }
    const [, path, part] = (name.length <= LONGEST_NAME && LORA_NAME.exec(name)) || [];
    if (path === undefined) throw unknown(name);
    const pair = pairs.get(path) ?? {};
    if (pair[part as 'A' | 'B']) throw new InputError(`${WEIGHTS_FILE} has ${jsonExcerpt(name)} twice.`, name);
    pair[part as 'A' | 'B'] = entry;
    pairs.set(path, pair);
  }
  const modules: PeftModule[] = [];
  const outside: Record<'trained' | 'untrained', string[]> = { trained: [], untrained: [] };
  for (const [path, { A, B }] of pairs) {
    if (!A || !B)
      throw new InputError(`${WEIGHTS_FILE} has only one of the two matrices of ${jsonExcerpt(path)}.`, path);
    const module = decoderModule(path, A, B, config);
    if (module) {
      modules.push(module);
      continue;
    }
    floats(A);
    const trained = floats(B).some((value) => value !== 0);
    if (trained && !PICTURE_SIDE.test(path)) throw unknown(B.name);
    outside[trained ? 'trained' : 'untrained'].push(path);
  }
  if (modules.length === 0) {
    throw new InputError(`${WEIGHTS_FILE} has no LoRA matrices of a Llama decoder.`, WEIGHTS_FILE);
  }
  if (new Set(modules.map(({ layer, target }) => `${layer}.${target}`)).size < modules.length) {
    throw new InputError(`${WEIGHTS_FILE} has matrices of two decoders.`, WEIGHTS_FILE);
  }
  if (config.score && !score) {
    throw new InputError(`${CONFIG_FILE} says that "score" was trained, and ${WEIGHTS_FILE} lacks it.`, SCORE_NAME);
  }
  return { modules, ...(score && { score }), outside };
}

function parse(bytes: Uint8Array): Safetensors {
  try {
    return Safetensors.parse(bytes, WEIGHTS_FILE);
  } catch (error) {
    if (error instanceof ModelFileError) throw new InputError(error.message, WEIGHTS_FILE, { cause: error });
    throw error;
  }
}

function floats(entry: SafetensorsEntry): Float32Array {
  try {
    return toFloats(entry, WEIGHTS_FILE);
  } catch (error) {
    if (error instanceof ModelFileError) throw new InputError(error.message, entry.name, { cause: error });
    throw error;
  }
}

const unknown = (name: string): InputError =>
  new InputError(
    `The adapter changes ${jsonExcerpt(name)}, which is frozen here: only LoRA on the linear layers of the decoder is read.`,
    name.slice(0, LONGEST_NAME),
  );

/** The module where it is one of a layer of the decoder; undefined where it is something else. */
function decoderModule(
  path: string,
  A: SafetensorsEntry,
  B: SafetensorsEntry,
  config: PeftConfig,
): PeftModule | undefined {
  const place = DECODER_MODULE.exec(path);
  const target = place?.[4] as LoraTarget;
  if (!place || !DECODER_PREFIXES.includes(place[1]) || !LORA_TARGETS.includes(target)) return undefined;
  const attention = ['q_proj', 'k_proj', 'v_proj', 'o_proj'].includes(target);
  if (attention !== (place[3] === 'self_attn')) return undefined;
  const layer = Number(place[2]);
  if (!isTarget(config, path, layer)) {
    throw new InputError(
      `${WEIGHTS_FILE} has matrices of ${jsonExcerpt(path)}, which ${CONFIG_FILE} does not name in target_modules or layers_to_transform.`,
      path,
    );
  }
  const rank = A.shape[0];
  for (const [entry, side] of [
    [A, 0],
    [B, 1],
  ] as const) {
    const { name, shape } = entry;
    if (shape.length !== 2 || shape[side] !== rank || !config.ranks.includes(rank)) {
      const given = [...new Set(config.ranks)].join(' or ');
      throw new InputError(
        `${jsonExcerpt(name)} has shape [${shape.slice(0, 4).join(', ')}], and ${CONFIG_FILE} gives r = ${given}.`,
        name,
      );
    }
  }
  return { path, layer, target, rank, a: floats(A), b: floats(B) };
}
