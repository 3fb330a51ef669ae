/** How long a run is, and the learning rate of each step: as `transformers.Trainer` and its `get_scheduler` do it. */
import type { TrainingConfig } from '../engine/engine.ts';

export interface RunLength {
  /** Optimiser steps in all. */
  readonly steps: number;
  readonly stepsPerEpoch: number;
}

/** The last, smaller batch of an epoch counts, and so does the last window of fewer passes. */
export function runLength(config: TrainingConfig, pairs: number): RunLength {
  const batches = Math.ceil(pairs / config.per_device_train_batch_size);
  const stepsPerEpoch = Math.ceil(batches / config.gradient_accumulation_steps);
  const steps = config.max_steps > 0 ? config.max_steps : Math.ceil(config.num_train_epochs * stepsPerEpoch);
  return { steps, stepsPerEpoch };
}

/** Learning rate of a step, counted from 0. The warm-up begins at 0, as in `transformers`. */
export function learningRate(config: TrainingConfig, step: number, steps: number): number {
  const { learning_rate: rate, lr_scheduler_type: type, warmup_steps: warmup } = config;
  if (type === 'constant') return rate;
  if (step < warmup) return (rate * step) / warmup;
  if (type === 'constant_with_warmup') return rate;
  const progress = Math.min(1, (step - warmup) / Math.max(1, steps - warmup));
  return rate * (type === 'linear' ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress)));
}
