/** What the settings of training are called on the page, and what their tooltips say. */
import { examinationFor } from '../../preference/examinations.ts';
import type { TrainingSettings } from '../../state/training/settings.ts';

type NumberKey = {
  [K in keyof TrainingSettings]: TrainingSettings[K] extends number ? K : never;
}[keyof TrainingSettings];

export interface Field {
  readonly key: NumberKey;
  readonly label: string;
  readonly title: string;
}

export const OPTIMISER: readonly Field[] = [
  { key: 'learning_rate', label: 'learning rate', title: 'learning_rate: size of AdamW’s steps' },
  { key: 'num_train_epochs', label: 'epochs', title: 'num_train_epochs: passes over all pairs' },
  { key: 'max_steps', label: 'max steps', title: 'max_steps: optimiser steps; above 0 it overrides the epochs' },
  { key: 'per_device_train_batch_size', label: 'batch', title: 'per_device_train_batch_size: pairs of one pass' },
  {
    key: 'gradient_accumulation_steps',
    label: 'accumulation',
    title: 'gradient_accumulation_steps: passes averaged into one step; less memory than a larger batch',
  },
  { key: 'warmup_steps', label: 'warm-up', title: 'warmup_steps: steps in which the rate rises from 0' },
  { key: 'weight_decay', label: 'weight decay', title: 'weight_decay: decoupled, as AdamW does it' },
  {
    key: 'max_grad_norm',
    label: 'clip norm',
    title: 'max_grad_norm: gradients are scaled down to this norm; 0 leaves them',
  },
  { key: 'seed', label: 'seed', title: 'seed: order of the pairs and first values of the adapter' },
  {
    key: 'save_steps',
    label: 'save every',
    title: 'save_steps: steps between checkpoints; a closed tab costs at most these',
  },
];
export const LORA: readonly Field[] = [
  { key: 'r', label: 'rank r', title: 'r: rank of the adapter' },
  { key: 'lora_alpha', label: 'α alpha', title: 'lora_alpha: the adapter is scaled by alpha / r' },
  {
    key: 'lora_dropout',
    label: 'dropout',
    title: 'lora_dropout: share of the adapter’s inputs that training drops, drawn anew for every pass',
  },
];
export const LOOKING: readonly Field[] = [
  {
    key: 'eval_scenes',
    label: 'pictures',
    title: `eval_scenes: held-out pictures described in an examination, Toybox scenes or, for photo models, at most ${examinationFor('photographs').most} photographs; 0 for none`,
  },
  {
    key: 'eval_pope_scenes',
    label: 'POPE pictures',
    title: 'eval_pope_scenes: of these, how many are also asked about (yes / no questions); 0 for none',
  },
  { key: 'eval_steps', label: 'every … steps', title: 'eval_steps: steps; 0 examines only after the last one' },
  {
    key: 'kl_answers',
    label: 'KL answers',
    title:
      'kl_answers: answers the policy samples to the training prompts to measure its KL to the reference; 0 for none',
  },
  { key: 'kl_steps', label: 'KL every', title: 'kl_steps: steps; 0 measures with the examinations' },
];
export const SAMPLING_FIELDS: readonly Field[] = [
  {
    key: 'num_generations',
    label: 'answers',
    title: 'num_generations: answers sampled to each prompt; objectives that compare two always take two',
  },
  { key: 'temperature', label: 'temperature', title: 'temperature: of sampling; near 1, or all answers are alike' },
  { key: 'top_p', label: 'top p', title: 'top_p: nucleus of sampling; 1 takes every token' },
  {
    key: 'max_completion_length',
    label: 'most tokens',
    title: 'max_completion_length: most tokens of a sampled answer',
  },
];
/** What an answer earns, in words. */
export const REWARD_WORDS = {
  clip: 'clip: like the picture',
  truth: 'truth: seen less invented',
} as const;
export const CHECKS = [
  {
    key: 'early_stopping',
    label: 'early stopping',
    title:
      'early_stopping: stops and goes back to the best step when held-out quality falls while the margin rises; looks every eval_steps steps',
  },
  {
    key: 'phase_times',
    label: 'time the phases',
    title:
      'phase_times: measures forward, loss, backward and optimizer of every step on the GPU; steps take a little longer',
  },
] as const;
