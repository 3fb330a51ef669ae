/** Whether a run fits the device, before a step is taken. */
import type { TrainingConfig } from '../engine/engine.ts';
import { InputError, OutOfMemoryError } from '../errors.ts';
import type { Gpu } from '../kernels/gpu/index.ts';
import { bucket } from '../kernels/gpu/pool.ts';
import { RESULT_FLOATS } from '../kernels/preference-loss/kernel.ts';
import { type LlamaConfig, type LoraPlan, trainingBytes } from '../models/policy/index.ts';
import type { TokenizedPair } from './data.ts';
import { Optimizer } from './optimizer.ts';

const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`;

/** Decoder rows of a pair: its prompt once per picture, and every answer token that predicts another. */
function rowsOf({ promptIds, chosenIds, rejectedIds, corrupted }: TokenizedPair): number {
  const own = promptIds.length + chosenIds.length + rejectedIds.length - 2;
  return corrupted ? own + promptIds.length + chosenIds.length - 1 : own;
}

const tokensOf = ({ chosenIds, rejectedIds, corrupted }: TokenizedPair): number =>
  chosenIds.length + rejectedIds.length + (corrupted ? chosenIds.length : 0);

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
): number {
  for (const [index, { promptIds, chosenIds, rejectedIds }] of pairs.entries()) {
    const length = promptIds.length + Math.max(chosenIds.length, rejectedIds.length);
    if (length <= model.maxPositions) continue;
    throw new InputError(
      `Pair ${index + 1} has ${length} tokens with its prompt and picture; this model reads at most ${model.maxPositions}.`,
      'pairs',
    );
  }
  const size = config.per_device_train_batch_size;
  const longest = [...pairs].sort((a, b) => rowsOf(b) - rowsOf(a)).slice(0, size);
  const rows = longest.reduce((sum, pair) => sum + rowsOf(pair), 0);
  const tokens = longest.reduce((sum, pair) => sum + tokensOf(pair), 0);
  const { adapter, activations, largestBuffer } = trainingBytes(model, plan, rows, tokens);
  const limit = Math.min(gpu.device.limits.maxStorageBufferBindingSize, gpu.device.limits.maxBufferSize);
  if (largestBuffer.bytes > limit) {
    throw new OutOfMemoryError(
      `A micro-batch of ${size} pairs (${rows} tokens) needs ${mib(largestBuffer.bytes)} in one buffer, and this GPU allows ${mib(limit)}. ` +
        'Lower per_device_train_batch_size and raise gradient_accumulation_steps for it, or lower r.',
      largestBuffer.label,
    );
  }
  const answer = Math.max(...longest.map((pair) => Math.max(pair.chosenIds.length, pair.rejectedIds.length)));
  return activations + adapter + Optimizer.bytes(plan.size) + lossBytes(config, size, answer);
}

/** `recordLoss`: up to nine tensors over padded answers, and a dozen small ones, for every micro-batch of a step. */
function lossBytes(config: TrainingConfig, pairs: number, longestAnswer: number): number {
  const perBatch = 9 * bucket(3 * pairs * longestAnswer * 4) + 12 * bucket(pairs * RESULT_FLOATS * 4);
  return config.gradient_accumulation_steps * perBatch;
}
