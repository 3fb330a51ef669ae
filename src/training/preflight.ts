/** Whether a run fits the device, before a step is taken. */
import type { TrainingConfig } from '../engine/engine.ts';
import { InputError, OutOfMemoryError } from '../errors.ts';
import type { Gpu } from '../kernels/gpu/index.ts';
import { type LlamaConfig, type LoraPlan, trainingBytes } from '../models/policy/index.ts';
import type { TokenizedPair } from './data.ts';
import type { TrainingFamily } from './families/family.ts';
import { Optimizer } from './optimizer.ts';

const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`;

/**
 * Peak GPU bytes of a step without the model's weights: the longest pairs in one micro-batch, the adapter, its gradients
 * and the optimiser.
 * @throws OutOfMemoryError with the numbers, and what to lower, when one buffer exceeds what the device binds.
 * @throws InputError for a pair longer than the model reads.
 */
export function preflight(
  gpu: Gpu,
  model: LlamaConfig,
  plan: LoraPlan,
  pairs: readonly TokenizedPair[],
  config: TrainingConfig,
  family: TrainingFamily,
): number {
  for (const [index, { promptIds, chosenIds, rejectedIds }] of pairs.entries()) {
    const length = promptIds.length + Math.max(chosenIds.length, rejectedIds.length);
    if (length <= model.maxPositions) continue;
    throw new InputError(
      `Pair ${index + 1} of ${pairs.length} has ${length} tokens with its prompt and picture; this model reads at most ${model.maxPositions}.`,
      'pairs',
    );
  }
  const size = config.per_device_train_batch_size;
  const longest = pairs
    .map((pair) => family.footprint(pair))
    .sort((a, b) => b.rows - a.rows)
    .slice(0, size);
  const rows = longest.reduce((sum, each) => sum + each.rows, 0);
  const tokens = longest.reduce((sum, each) => sum + each.tokens, 0);
  const { adapter, activations, largestBuffer } = trainingBytes(model, plan, rows, tokens, family.divergence);
  const limit = Math.min(gpu.device.limits.maxStorageBufferBindingSize, gpu.device.limits.maxBufferSize);
  if (largestBuffer.bytes > limit) {
    throw new OutOfMemoryError(
      `A micro-batch of ${size} pairs (${rows} tokens) needs ${mib(largestBuffer.bytes)} in one buffer, and this GPU allows ${mib(limit)}. ` +
        'Lower per_device_train_batch_size and raise gradient_accumulation_steps for it, or lower r.',
      largestBuffer.label,
    );
  }
  const answer = Math.max(...longest.map((each) => each.answer));
  const loss = config.gradient_accumulation_steps * family.lossBytes(size, answer);
  const step = Math.max(activations + loss, family.beginStepBytes?.(plan) ?? 0);
  return step + adapter + Optimizer.bytes(plan.size);
}
