/**
 * A LoRA adapter as the folder that Python's PEFT writes and reads: `adapter_config.json` and
 * `adapter_model.safetensors`, packed in a ZIP.
 */
import { InputError, ModelFileError } from '../../errors.ts';
import { unpackWeights } from '../../kernels/shared/weights.ts';
import { unzip, zip } from '../../zip.ts';
import { Safetensors, type SafetensorsEntry } from '../weights/safetensors.ts';
import { writeSafetensors } from '../weights/safetensors-write.ts';
import { LORA_TARGETS, type LoraConfig, type LoraPlan, type LoraTarget, SCORE_NAME } from './lora.ts';
import { initialScore, matricesOf } from './lora-values.ts';

const CONFIG_FILE = 'adapter_config.json';
const WEIGHTS_FILE = 'adapter_model.safetensors';

/** The one module that may be trained whole: the linear layer of a reward model. PEFT names a `classifier` beside it. */
const SCORE = 'score';
const SEQ_CLS_MODULES = [SCORE, 'classifier'];

/** An adapter as it stands in a file. */
export interface PeftAdapter {
  readonly lora: Omit<LoraConfig, 'seed'>;
  /** Row-major values by layer, target and part (see `matrixKey`), and the score layer's under `SCORE_NAME`. */
  readonly matrices: ReadonlyMap<string, Float32Array>;
}

/** Where a matrix belongs, whatever the path of the decoder's layers in the file that held it. */
export const matrixKey = (layer: number, target: LoraTarget, part: 'A' | 'B'): string => `${layer}.${target}.${part}`;

/**
 * Packs an adapter; a critic stays behind.
 * @param matrices by the names of `plan.matrices`, as `LoraAdapter.read` gives them.
 * @param baseModel name that the configuration gives as `base_model_name_or_path`.
 */
export async function exportPeft(
  plan: LoraPlan,
  matrices: ReadonlyMap<string, Float32Array>,
  baseModel: string | null = null,
): Promise<Uint8Array<ArrayBuffer>> {
  const kept = plan.config.critic ? plan.matrices : matricesOf(plan);
  const tensors = new Map(kept.map(({ name, shape }) => [name, { shape, data: matrices.get(name)! }] as const));
  const files = new Map<string, Blob | string>([
    [CONFIG_FILE, `${JSON.stringify(adapterConfig(plan, baseModel), null, 2)}\n`],
    [WEIGHTS_FILE, new Blob([writeSafetensors(tensors)])],
  ]);
  return new Uint8Array(await (await zip(files)).arrayBuffer());
}

/**
 * `target_modules` is a pattern with the whole path: a list of names would also reach layers of the same names in the
 * vision tower.
 */
function adapterConfig({ config, matrices }: LoraPlan, baseModel: string | null): Record<string, unknown> {
  const path = /^base_model\.model\.(.*)layers\.\d+\./.exec(matrices[0].name)![1];
  const targets = config.targets.join('|');
  return {
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    modules_to_save: config.score ? [SCORE] : null,
    peft_type: 'LORA',
    r: config.r,
    target_modules: `${path.replaceAll('.', '\\.')}layers\\.\\d+\\.(self_attn|mlp)\\.(${targets})`,
    task_type: config.score ? 'SEQ_CLS' : 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  };
}

/**
 * Reads an adapter written by `exportPeft` or by PEFT (zip the folder's two files, or the folder).
 * @throws InputError for a file that is no LoRA adapter, or one that does more than plain LoRA on the decoder.
 */
export async function importPeft(bytes: Uint8Array): Promise<PeftAdapter> {
  const files = await unzip(new Blob([new Uint8Array(bytes)]));
  const file = (name: string) => {
    const path = [...files.keys()].find((key) => key === name || key.endsWith(`/${name}`));
    if (path === undefined) throw new InputError(`The archive has no ${name}: it is not a PEFT adapter.`, name);
    return files.get(path)!;
  };
  const { r, alpha, dropout, score } = readConfig(new TextDecoder().decode(file(CONFIG_FILE)));
  let weights: Safetensors;
  try {
    weights = Safetensors.parse(file(WEIGHTS_FILE), WEIGHTS_FILE);
  } catch (error) {
    if (error instanceof ModelFileError) throw new InputError(error.message, WEIGHTS_FILE, { cause: error });
    throw error;
  }
  const matrices = new Map<string, Float32Array>();
  const found = new Set<LoraTarget>();
  for (const name of weights.names) {
    const entry = weights.get(name);
    const values = floats(entry);
    if (score && name === SCORE_NAME) {
      matrices.set(SCORE_NAME, values);
      continue;
    }
    const place = /(.*)layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)\.lora_([AB])(?:\.default)?\.weight$/.exec(name);
    const target = place?.[3] as LoraTarget;
    if (!place || /vision/.test(place[1]) || !LORA_TARGETS.includes(target)) {
      // PEFT writes untrained matrices of the vision tower where target_modules is a list; their B is zero.
      if (name.includes('.lora_A.') || values.every((value) => value === 0)) continue;
      throw new InputError(
        `The adapter changes "${name}", which is frozen here: only the decoder's layers learn.`,
        name,
      );
    }
    const part = place[4] as 'A' | 'B';
    const rank = entry.shape[part === 'A' ? 0 : 1];
    if (entry.shape.length !== 2 || rank !== r) {
      throw new InputError(`"${name}" has shape [${entry.shape.join(', ')}], and ${CONFIG_FILE} gives r = ${r}.`, name);
    }
    found.add(target);
    matrices.set(matrixKey(Number(place[2]), target, part), values);
  }
  if (found.size === 0) throw new InputError(`${WEIGHTS_FILE} has no LoRA matrices of a Llama decoder.`, WEIGHTS_FILE);
  if (score && !matrices.has(SCORE_NAME)) {
    throw new InputError(`${CONFIG_FILE} says that "${SCORE}" was trained, and ${WEIGHTS_FILE} lacks it.`, SCORE_NAME);
  }
  const targets = LORA_TARGETS.filter((target) => found.has(target));
  return { lora: { r, alpha, targets, dropout, ...(score && { score }) }, matrices };
}

/**
 * The matrices under the names of a plan. Layers that the file leaves alone get zeros, which have no gradient and stay
 * zeros; a layer that makes scores, and that the file lacks, gets its first values.
 * @throws InputError when the adapter was made for a decoder of another shape.
 */
export function matricesFor(plan: LoraPlan, { matrices }: PeftAdapter): Map<string, Float32Array> {
  const places = new Map(
    plan.matrices.map(({ name, layer, target, part, shape }) => [
      matrixKey(layer, target, part),
      { name, size: shape[0] * shape[1], shape },
    ]),
  );
  if (plan.score) places.set(SCORE_NAME, { ...plan.score, size: plan.score.shape[1] });
  for (const [key, values] of matrices) {
    const place = places.get(key);
    if (!place || place.size !== values.length) {
      const why = place
        ? `has ${values.length} values where this model takes [${place.shape.join(', ')}]`
        : 'is a layer this model lacks';
      throw new InputError(`The adapter belongs to another model: ${key} ${why}.`, key);
    }
  }
  const absent = (key: string, size: number) => (key === SCORE_NAME ? initialScore(plan) : new Float32Array(size));
  return new Map([...places].map(([key, { name, size }]) => [name, matrices.get(key) ?? absent(key, size)]));
}

/** Rank, alpha, dropout. Rank-stabilised LoRA (arXiv:2312.03732) scales by alpha / √r, which is an alpha of its own. */
function readConfig(text: string): { r: number; alpha: number; dropout: number; score: boolean } {
  let config: Record<string, unknown>;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${CONFIG_FILE} is not JSON.`, CONFIG_FILE, { cause });
  }
  const refuse = (why: string): never => {
    throw new InputError(`${CONFIG_FILE}: ${why}`, CONFIG_FILE);
  };
  const filled = (value: unknown) => value !== null && value !== undefined && Object.keys(value).length > 0;
  if (config.peft_type !== 'LORA')
    refuse(`peft_type is ${JSON.stringify(config.peft_type)}; only "LORA" is supported.`);
  if (config.use_dora) refuse('DoRA is not supported.');
  if (config.bias !== undefined && config.bias !== 'none') refuse('trained biases are not supported.');
  for (const name of ['rank_pattern', 'alpha_pattern', 'trainable_token_indices']) {
    if (filled(config[name])) refuse(`${name} is not supported.`);
  }
  const whole: unknown = config.modules_to_save ?? [];
  if (!Array.isArray(whole) || whole.some((name) => !SEQ_CLS_MODULES.includes(name))) {
    refuse(`modules_to_save is ${JSON.stringify(whole)}; only "${SCORE}" can be trained whole.`);
  }
  const { r, lora_alpha: alpha, lora_dropout: dropout = 0 } = config;
  if (typeof r !== 'number' || !Number.isInteger(r) || r < 1) return refuse(`r is ${JSON.stringify(r)}.`);
  if (typeof alpha !== 'number' || !(alpha > 0)) return refuse(`lora_alpha is ${JSON.stringify(alpha)}.`);
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1))
    return refuse(`lora_dropout is ${JSON.stringify(dropout)}; it must be at least 0 and below 1.`);
  return {
    r,
    dropout,
    alpha: config.use_rslora ? alpha * Math.sqrt(r) : alpha,
    score: (whole as string[]).includes(SCORE),
  };
}

const FORMATS: Readonly<Record<string, 'f32' | 'f16' | 'bf16'>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

function floats({ name, dtype, bytes }: SafetensorsEntry): Float32Array {
  const format = FORMATS[dtype];
  if (!format) throw new InputError(`"${name}" is ${dtype}; adapters must be F32, F16 or BF16.`, name);
  const words = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  words.set(bytes);
  const values =
    format === 'f32' ? new Float32Array(words.buffer) : unpackWeights(format, new Uint32Array(words.buffer));
  return values.subarray(0, bytes.length / (format === 'f32' ? 4 : 2));
}
