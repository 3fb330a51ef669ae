/** Training settings: defaults, and sentences for what cannot be used. Knows no GPU, so the page reads it too. */
import type { LoraSettings, LrSchedulerType, TargetModule, TrainingConfig } from '../engine/engine.ts';
import { InputError } from '../errors.ts';
import { taggedLoss } from '../kernels/losses/families/every.ts';

/**
 * Defaults. Names are those of `transformers.TrainingArguments`; the rate is what small decoders with LoRA want, a
 * hundred times TRL's default for full fine-tuning. Answers are fewer and shorter than `GRPOConfig`'s 8 of 256 tokens.
 */
export const TRAINING_DEFAULTS: TrainingConfig = {
  learning_rate: 1e-4,
  per_device_train_batch_size: 4,
  gradient_accumulation_steps: 1,
  num_train_epochs: 3,
  max_steps: -1,
  lr_scheduler_type: 'linear',
  warmup_steps: 0,
  weight_decay: 0,
  adam_beta1: 0.9,
  adam_beta2: 0.999,
  adam_epsilon: 1e-8,
  max_grad_norm: 1,
  save_steps: 10,
  seed: 42,
  num_generations: 4,
  temperature: 1,
  top_p: 1,
  max_completion_length: 48,
};

/** The defaults for an objective: some bring a rate and a length of their own. */
export function trainingDefaults(objective: string): TrainingConfig {
  const loss = taggedLoss(objective)?.loss;
  return loss && 'training' in loss ? { ...TRAINING_DEFAULTS, ...loss.training } : TRAINING_DEFAULTS;
}

/** Every linear layer of a Llama decoder that LoRA can adapt, in PEFT's names and the order of the forward pass. */
export const TARGET_MODULES: readonly TargetModule[] = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
];

export const LORA_DEFAULTS: LoraSettings = { r: 16, lora_alpha: 32, lora_dropout: 0, target_modules: TARGET_MODULES };

export const LR_SCHEDULER_TYPES: readonly LrSchedulerType[] = ['linear', 'cosine', 'constant', 'constant_with_warmup'];

/** Largest rank: more than the width of any layer adds nothing. */
const MAX_RANK = 256;

type NumberKey = Exclude<keyof TrainingConfig, 'lr_scheduler_type'>;
type Rule = readonly [good: (value: number) => boolean, range: string];

const whole = (least: number): Rule => [
  (value) => Number.isSafeInteger(value) && value >= least,
  `a whole number of at least ${least}`,
];
/** 64 pictures keep their features on the GPU, and some objectives show two per pair. */
const LARGEST_BATCH = 32;
/** Answers to one prompt that are sampled side by side. */
const MOST_ANSWERS = 16;
const between: Rule = [(value) => value >= 0 && value < 1, 'at least 0 and below 1'];
const notNegative: Rule = [(value) => value >= 0, '0 or more'];
const positive: Rule = [(value) => value > 0, 'above 0'];

const RULES: Readonly<Record<NumberKey, Rule>> = {
  learning_rate: positive,
  per_device_train_batch_size: [
    (value) => Number.isSafeInteger(value) && value >= 1 && value <= LARGEST_BATCH,
    `a whole number from 1 to ${LARGEST_BATCH}`,
  ],
  gradient_accumulation_steps: whole(1),
  num_train_epochs: positive,
  max_steps: [Number.isSafeInteger, 'a whole number; 0 or less leaves the length to num_train_epochs'],
  warmup_steps: whole(0),
  weight_decay: notNegative,
  adam_beta1: between,
  adam_beta2: between,
  adam_epsilon: positive,
  max_grad_norm: notNegative,
  save_steps: whole(0),
  seed: [Number.isSafeInteger, 'a whole number'],
  num_generations: [
    (value) => Number.isSafeInteger(value) && value >= 1 && value <= MOST_ANSWERS,
    `a whole number from 1 to ${MOST_ANSWERS}`,
  ],
  temperature: notNegative,
  top_p: [(value) => value > 0 && value <= 1, 'above 0 and at most 1'],
  max_completion_length: whole(1),
};

/**
 * Fills in defaults.
 * @param defaults those of the objective: `trainingDefaults`.
 * @throws InputError naming the setting that is unknown or out of range.
 */
export function resolveTrainingConfig(
  given: Partial<TrainingConfig> = {},
  defaults: TrainingConfig = TRAINING_DEFAULTS,
): TrainingConfig {
  refuseUnknown(given, TRAINING_DEFAULTS, 'training setting');
  const config: TrainingConfig = { ...defaults, ...defined(given) };
  for (const [name, [good, range]] of Object.entries(RULES)) {
    const value = config[name as NumberKey];
    if (typeof value !== 'number' || !Number.isFinite(value) || !good(value)) {
      throw new InputError(`${name} is ${value}; it must be ${range}.`, name);
    }
  }
  if (!LR_SCHEDULER_TYPES.includes(config.lr_scheduler_type)) {
    throw new InputError(
      `lr_scheduler_type is "${config.lr_scheduler_type}"; choose one of ${LR_SCHEDULER_TYPES.join(', ')}.`,
      'lr_scheduler_type',
    );
  }
  if (config.lr_scheduler_type === 'constant' && config.warmup_steps > 0) {
    throw new InputError(
      'The schedule "constant" has no warm-up: choose "constant_with_warmup", or warmup_steps 0.',
      'warmup_steps',
    );
  }
  return config;
}

/**
 * Fills in defaults of the adapter's shape.
 * @throws InputError naming the setting.
 */
export function resolveLora(given: Partial<LoraSettings> = {}): LoraSettings {
  refuseUnknown(given, LORA_DEFAULTS, 'LoRA setting');
  const lora: LoraSettings = { ...LORA_DEFAULTS, ...defined(given) };
  if (!Number.isInteger(lora.r) || lora.r < 1 || lora.r > MAX_RANK) {
    throw new InputError(`The LoRA rank r is ${lora.r}; it must be a whole number from 1 to ${MAX_RANK}.`, 'r');
  }
  if (!(lora.lora_alpha > 0) || !Number.isFinite(lora.lora_alpha)) {
    throw new InputError(`lora_alpha is ${lora.lora_alpha}; it must be above 0.`, 'lora_alpha');
  }
  if (!(lora.lora_dropout >= 0 && lora.lora_dropout < 1)) {
    throw new InputError(`lora_dropout is ${lora.lora_dropout}; it must be at least 0 and below 1.`, 'lora_dropout');
  }
  if (lora.target_modules.length === 0) {
    throw new InputError('target_modules is empty: choose at least one layer to adapt.', 'target_modules');
  }
  const unknown = lora.target_modules.find((name) => !TARGET_MODULES.includes(name));
  if (unknown !== undefined) {
    throw new InputError(
      `target_modules has "${unknown}"; a Llama decoder has ${TARGET_MODULES.join(', ')}.`,
      'target_modules',
    );
  }
  return { ...lora, target_modules: TARGET_MODULES.filter((name) => lora.target_modules.includes(name)) };
}

function refuseUnknown(given: object, known: object, what: string): void {
  const unknown = Object.keys(given).find((name) => !(name in known));
  if (unknown !== undefined) {
    throw new InputError(`There is no ${what} "${unknown}"; there are: ${Object.keys(known).join(', ')}.`, unknown);
  }
}

/** Without the keys whose value is `undefined`, which would hide defaults. */
function defined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
