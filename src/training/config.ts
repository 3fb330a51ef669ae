/** Training settings: defaults, and sentences for what cannot be used. Knows no GPU, so the page reads it too. */

import { check, checkFields, choice, defined, type NumberRule, type Rule, real, whole } from '../check.ts';
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

/** 64 pictures keep their features on the GPU, and some objectives show two per pair. */
const LARGEST_BATCH = 32;
/** Answers to one prompt that are sampled side by side. */
const MOST_ANSWERS = 16;
const positive = real({ above: 0 });
const notNegative = real({ min: 0 });
const share = real({ min: 0, below: 1 });

type NumberKey = Exclude<keyof TrainingConfig, 'lr_scheduler_type'>;

/** What each training setting may be. */
export const TRAINING_RULES: Readonly<Record<NumberKey, NumberRule>> & Readonly<Record<keyof TrainingConfig, Rule>> = {
  learning_rate: positive,
  per_device_train_batch_size: whole({ min: 1, max: LARGEST_BATCH }),
  gradient_accumulation_steps: whole({ min: 1 }),
  num_train_epochs: positive,
  max_steps: whole({ note: '0 or less leaves the length to num_train_epochs' }),
  lr_scheduler_type: choice(LR_SCHEDULER_TYPES),
  warmup_steps: whole({ min: 0 }),
  weight_decay: notNegative,
  adam_beta1: share,
  adam_beta2: share,
  adam_epsilon: positive,
  max_grad_norm: notNegative,
  save_steps: whole({ min: 0 }),
  seed: whole(),
  num_generations: whole({ min: 1, max: MOST_ANSWERS }),
  temperature: notNegative,
  top_p: real({ above: 0, max: 1 }),
  max_completion_length: whole({ min: 1 }),
};

/** What each setting of the adapter's shape may be. */
export const LORA_RULES: Readonly<Record<keyof LoraSettings, Rule>> = {
  r: whole({ min: 1, max: MAX_RANK }),
  lora_alpha: positive,
  lora_dropout: share,
  target_modules: { kind: 'list', filled: true, of: choice(TARGET_MODULES), example: '["q_proj", "v_proj"]' },
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
  checkFields('training', given, { rules: TRAINING_RULES });
  const config: TrainingConfig = { ...defaults, ...defined(given) };
  for (const [name, rule] of Object.entries(TRAINING_RULES)) check(name, config[name as keyof TrainingConfig], rule);
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
  checkFields('LoRA', given, { rules: LORA_RULES });
  const lora: LoraSettings = { ...LORA_DEFAULTS, ...defined(given) };
  return { ...lora, target_modules: TARGET_MODULES.filter((name) => lora.target_modules.includes(name)) };
}
