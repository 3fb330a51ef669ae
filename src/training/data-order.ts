/** Which pairs each optimiser step takes: a seeded permutation per epoch, so that a step's number fixes its pairs. */
import type { TrainingConfig } from '../engine/engine.ts';
import { Random } from '../toybox/random.ts';
import { runLength } from './schedule.ts';

/** Pair numbers of an epoch in the order they are taken. */
export function epochOrder(seed: number, epoch: number, pairs: number): number[] {
  return new Random(seed, epoch).shuffled(Array.from({ length: pairs }, (_, index) => index));
}

/** Micro-batches (pair numbers) of one optimiser step, counted from 0. The last of an epoch may be smaller. */
export function stepBatches(config: TrainingConfig, pairs: number, step: number): number[][] {
  const { per_device_train_batch_size: size, gradient_accumulation_steps: accumulation, seed } = config;
  const { stepsPerEpoch } = runLength(config, pairs);
  const order = epochOrder(seed, Math.floor(step / stepsPerEpoch), pairs);
  const first = (step % stepsPerEpoch) * size * accumulation;
  const batches: number[][] = [];
  for (let at = first; at < Math.min(pairs, first + size * accumulation); at += size) {
    batches.push(order.slice(at, Math.min(at + size, first + size * accumulation)));
  }
  return batches;
}
