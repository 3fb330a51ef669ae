/** Whether a run fits the device, before anything is allocated. */
import type { TrainingConfig } from '../engine/engine.ts';
import { OutOfMemoryError } from '../errors.ts';
import type { Gpu } from '../kernels/gpu/index.ts';
import type { LoraPlan } from '../models/policy/index.ts';
import { Optimizer } from './optimizer.ts';

const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`;

export interface TrainingBytes {
  /** Peak of a step: activations, adapter, gradients, optimiser. */
  readonly total: number;
  /** The largest single buffer. */
  readonly largest: number;
}

export function trainingBytes(
  _policy: unknown,
  plan: LoraPlan,
  _pairs: unknown,
  _config: TrainingConfig,
): TrainingBytes {
  return { total: 4 * plan.size + Optimizer.bytes(plan.size), largest: 4 * plan.size };
}

export function checkMemory(gpu: Gpu, { largest }: TrainingBytes): void {
  const limit = Math.min(gpu.device.limits.maxBufferSize, gpu.device.limits.maxStorageBufferBindingSize);
  if (largest > limit) throw new OutOfMemoryError(`${mib(largest)}`);
}
