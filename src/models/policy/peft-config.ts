/**
 * `adapter_config.json`. PEFT's format grows with every release, and most of its keys change what an adapter computes.
 * So this is a list of what is allowed: every key is understood, or has the value at which it does nothing, or the file
 * is refused by the key's name. Keys and their defaults are those of PEFT 0.21 (`peft/tuners/lora/config.py`).
 */
import { InputError } from '../../errors.ts';
import { jsonExcerpt } from '../../json-excerpt.ts';

export const CONFIG_FILE = 'adapter_config.json';

/** The one module that may be trained whole: the linear layer of a reward model. PEFT names a `classifier` beside it. */
export const SCORE = 'score';
const WHOLE_MODULES = [SCORE, 'classifier'];

/** What an adapter's configuration says, as far as it concerns the decoder. */
export interface PeftConfig {
  readonly r: number;
  readonly alpha: number;
  readonly dropout: number;
  /** Whether the layer that makes scores was trained. */
  readonly score: boolean;
  /** Scale by alpha / √r (arXiv:2312.03732) instead of alpha / r. */
  readonly rslora: boolean;
  /** Every rank that a module may have: `r` and those of `rank_pattern`. */
  readonly ranks: readonly number[];
  /** `alpha_pattern`: the alpha of modules whose path ends with a name. The first that fits counts. */
  readonly alphas: readonly (readonly [name: string, alpha: number])[];
  /** Names of `target_modules` where it is a list; a pattern is not evaluated, because the file's tensors follow it. */
  readonly targets: readonly string[] | null;
  /** `layers_to_transform`; null for all. */
  readonly layers: readonly number[] | null;
}

type Json = Readonly<Record<string, unknown>>;

const nothing = (value: unknown): boolean =>
  value === null ||
  value === false ||
  value === '' ||
  (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
const anything = (): boolean => true;
const oneOf =
  (...values: unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value);

/** Which values of the keys that are not read leave the adapter what it is. A key that is not here must say nothing. */
const NEUTRAL: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  // Facts about where the adapter comes from.
  ['auto_mapping', anything],
  ['base_model_name_or_path', anything],
  ['inference_mode', anything],
  ['peft_version', anything],
  ['revision', anything],
  // Parameters of what is switched off by another key.
  ['megatron_core', anything],
  ['qalora_group_size', anything],
  ['layers_pattern', anything],
  // Says which modules have no tensors in the file.
  ['exclude_modules', anything],
  ['peft_type', oneOf('LORA')],
  ['task_type', oneOf(null, 'CAUSAL_LM', 'SEQ_CLS', 'FEATURE_EXTRACTION')],
  // Trained biases are tensors of the file, and are refused there; Llama's linear layers have none.
  ['bias', oneOf('none', 'lora_only', 'all')],
  ['init_lora_weights', oneOf(true, false, 'gaussian', 'orthogonal')],
  ['runtime_config', (value) => nothing(value) || Object.values(value as Json).every(nothing)],
]);

/** Keys that `readPeftConfig` reads itself. */
const READ = new Set([
  'r',
  'lora_alpha',
  'lora_dropout',
  'use_rslora',
  'rank_pattern',
  'alpha_pattern',
  'target_modules',
  'layers_to_transform',
  'modules_to_save',
]);

/** Why a value is refused, where the key alone does not say it. */
const REASONS: Readonly<Record<string, string>> = {
  peft_type: 'only "LORA" is supported',
  init_lora_weights:
    "PEFT changes the base model's weights when it loads such an adapter, so here it would give other numbers. Save it in Python with path_initial_model_for_weight_conversion, which makes a plain LoRA of it",
  use_dora: 'DoRA is not supported',
  trainable_token_indices: 'trained token embeddings are not supported',
  target_parameters: 'LoRA on bare parameters is not supported',
};

/**
 * Reads and checks the text of an `adapter_config.json`.
 * @throws InputError naming the key and its value.
 */
export function readPeftConfig(text: string): PeftConfig {
  let config: Json;
  try {
    config = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${CONFIG_FILE} is not JSON.`, CONFIG_FILE, { cause });
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new InputError(`${CONFIG_FILE} is not the configuration of an adapter.`, CONFIG_FILE);
  }
  if (config.peft_type === undefined) throw refusal('peft_type', undefined, REASONS.peft_type);
  for (const [key, value] of Object.entries(config)) {
    if (READ.has(key)) continue;
    const neutral = NEUTRAL.get(key) ?? nothing;
    if (!neutral(value)) throw refusal(key, value, Object.hasOwn(REASONS, key) ? REASONS[key] : undefined);
  }
  const r = positive('r', config.r ?? 8, true);
  const whole = namesOf('modules_to_save', config.modules_to_save) ?? [];
  if (whole.some((name) => !WHOLE_MODULES.includes(name))) {
    throw refusal('modules_to_save', whole, `only "${SCORE}" can be trained whole`);
  }
  const dropout = config.lora_dropout ?? 0;
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1)) {
    throw refusal('lora_dropout', dropout, 'it must be at least 0 and below 1');
  }
  const rslora = config.use_rslora ?? false;
  if (typeof rslora !== 'boolean') throw refusal('use_rslora', rslora, 'it must be true or false');
  const { target_modules: targets } = config;
  return {
    r,
    alpha: positive('lora_alpha', config.lora_alpha ?? 8),
    dropout,
    score: whole.includes(SCORE),
    rslora,
    ranks: [r, ...patternsOf('rank_pattern', config.rank_pattern, true).map(([, rank]) => rank)],
    alphas: alphasOf(config.alpha_pattern),
    targets: typeof targets === 'string' ? null : namesOf('target_modules', targets),
    layers: layersOf(config.layers_to_transform),
  };
}

function refusal(key: string, value: unknown, reason = 'this is not supported'): InputError {
  const found = value === undefined ? 'missing' : jsonExcerpt(value);
  const words = `${CONFIG_FILE}: ${jsonExcerpt(key)} is ${found}; ${reason}.`;
  return new InputError(words, key.slice(0, 100));
}

function positive(key: string, value: unknown, whole = false): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value) && (!whole || Number.isInteger(value))) {
    return value;
  }
  throw refusal(key, value, `it must be a ${whole ? 'whole ' : ''}number above 0`);
}

function namesOf(key: string, value: unknown): string[] | null {
  if (value === undefined || value === null) return null;
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return value;
  throw refusal(key, value, 'it must be a list of names');
}

function layersOf(value: unknown): number[] | null {
  const layers = typeof value === 'number' ? [value] : (value ?? []);
  if (!Array.isArray(layers) || !layers.every((layer) => Number.isInteger(layer) && layer >= 0)) {
    throw refusal('layers_to_transform', value, 'it must be a list of layer numbers');
  }
  return layers.length > 0 ? layers : null;
}

function patternsOf(key: string, value: unknown, whole: boolean): [string, number][] {
  if (nothing(value) || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value)) throw refusal(key, value, 'it must map names to numbers');
  return Object.entries(value as Json).map(([name, number]) => [name, positive(key, number, whole)]);
}

/** PEFT takes the names for regular expressions; those that are more than names are refused. */
function alphasOf(value: unknown): [string, number][] {
  const patterns = patternsOf('alpha_pattern', value, false);
  for (const [name] of patterns) {
    if (!/^[\w.]+$/.test(name)) throw refusal('alpha_pattern', name, 'only plain module names are supported');
  }
  return patterns;
}

/** Whether a module's path is the name, or ends with it behind a dot. */
const named = (path: string, name: string): boolean => path === name || path.endsWith(`.${name}`);

/** alpha of one module. */
export const alphaOf = ({ alpha, alphas }: PeftConfig, path: string): number =>
  alphas.find(([name]) => named(path, name))?.[1] ?? alpha;

/** What multiplies B A. */
export const scaleOf = (config: PeftConfig, path: string, rank: number): number =>
  alphaOf(config, path) / (config.rslora ? Math.sqrt(rank) : rank);

/**
 * Whether PEFT would put an adapter on this module of the decoder, as far as lists tell: it leaves out tensors of
 * modules that the configuration does not name, without a word.
 */
export const isTarget = ({ targets, layers }: PeftConfig, path: string, layer: number): boolean =>
  (targets?.some((name) => named(path, name)) ?? true) && (layers?.includes(layer) ?? true);
