/** A run as plain data, and back. Matrices stand in PEFT's shapes and names, whatever the layout on the GPU. */

import type { LoraSettings, TrainingCheckpoint } from '../engine/engine.ts';
import { InputError } from '../errors.ts';
import { jsonExcerpt } from '../json-excerpt.ts';
import type { Gpu } from '../kernels/gpu/index.ts';
import { taggedLoss } from '../kernels/losses/families/every.ts';
import { type LoraAdapter, type LoraConfig, type LoraPlan, matricesOf, pack, unpack } from '../models/policy/index.ts';
import type { Optimizer } from './optimizer.ts';
import type { RunSettings } from './settings.ts';

/** Settings under PEFT's names, from the plan's. */
export function loraSettings({ config }: LoraPlan): LoraSettings {
  const { r, alpha: lora_alpha, targets: target_modules, dropout: lora_dropout } = config;
  return { r, lora_alpha, lora_dropout, target_modules };
}

/** The plan's settings of a run; what a reward-model loss trains has a score layer too, and PPO's policy a critic. */
export function loraConfig({
  lora,
  config,
  objective,
}: Pick<RunSettings, 'lora' | 'config' | 'objective'>): LoraConfig {
  // Checkpoints in a browser's storage may be older than dropout.
  const { r, lora_alpha: alpha, lora_dropout: dropout = 0, target_modules: targets } = lora;
  const critic = trainsCritic(objective);
  return { r, alpha, targets, dropout, seed: config.seed, score: trainsScore(objective), ...(critic && { critic }) };
}

/** Whether the objective trains a reward model. */
export const trainsScore = (objective: string): boolean => taggedLoss(objective)?.kind === 'reward-model';

/** Whether the objective trains a critic beside the policy. */
export function trainsCritic(objective: string): boolean {
  const tagged = taggedLoss(objective);
  return tagged?.kind === 'token' && tagged.loss.needs.includes('oldValues');
}

/** Flat values in the order of `matricesOf`, without the gaps of the GPU's layout. */
function packedValues(plan: LoraPlan, buffer: Float32Array): Float32Array {
  const values = new Float32Array(plan.parameterCount);
  let at = 0;
  for (const matrix of unpack(plan, buffer).values()) {
    values.set(matrix, at);
    at += matrix.length;
  }
  return values;
}

/**
 * A buffer in the GPU's layout from flat values.
 * @throws InputError when the checkpoint belongs to another model or another adapter.
 */
function unpackedValues(plan: LoraPlan, checkpoint: TrainingCheckpoint, values: Float32Array): Float32Array {
  const matrices = new Map<string, Float32Array>();
  let at = 0;
  for (const { name, shape } of checkpoint.tensors) {
    const size = shape[0] * shape[1];
    matrices.set(name, values.subarray(at, at + size));
    at += size;
  }
  if (at !== values.length) {
    throw new InputError(`The checkpoint is damaged: its tensors have ${at} values, and it holds ${values.length}.`);
  }
  const known = new Set(matricesOf(plan).map(({ name }) => name));
  const foreign = checkpoint.tensors.find(({ name }) => !known.has(name));
  if (foreign)
    throw new InputError(`The checkpoint has ${jsonExcerpt(foreign.name)}, which this adapter lacks.`, 'resume');
  return pack(plan, matrices);
}

/** @throws InputError for a checkpoint of other pairs or of a later version. */
export function checkCheckpoint(checkpoint: TrainingCheckpoint, pairsHash: string): void {
  if (checkpoint.version !== 1) {
    throw new InputError(`The checkpoint has version ${checkpoint.version}, which this page cannot read.`, 'resume');
  }
  if (checkpoint.pairsHash !== pairsHash) {
    throw new InputError(
      'The pairs are not those of the checkpoint: some were added, removed, edited or moved. Start a new run, or bring them back.',
      'resume',
    );
  }
}

/**
 * Writes the checkpoint's matrices into an adapter of the same shape.
 * @throws InputError when it belongs to another model or another adapter.
 */
export function installCheckpoint(gpu: Gpu, adapter: LoraAdapter, checkpoint: TrainingCheckpoint): void {
  gpu.write(adapter.parameters, unpackedValues(adapter.plan, checkpoint, checkpoint.values));
}

/** Adapter and moments, as a checkpoint holds them. */
export async function readState(
  gpu: Gpu,
  { plan, parameters }: LoraAdapter,
  { first, second }: Optimizer,
): Promise<Pick<TrainingCheckpoint, 'tensors' | 'values' | 'firstMoments' | 'secondMoments'>> {
  const [values, firstMoments, secondMoments] = (await gpu.readAll([parameters, first, second])).map((buffer) =>
    packedValues(plan, buffer as Float32Array),
  );
  const tensors = matricesOf(plan).map(({ name, shape }) => ({ name, shape }));
  return { tensors, values, firstMoments, secondMoments };
}

/** Puts adapter and moments back. @throws InputError as `installCheckpoint`. */
export function restoreState(
  gpu: Gpu,
  adapter: LoraAdapter,
  optimizer: Optimizer,
  checkpoint: TrainingCheckpoint,
): void {
  installCheckpoint(gpu, adapter, checkpoint);
  gpu.write(optimizer.first, unpackedValues(adapter.plan, checkpoint, checkpoint.firstMoments));
  gpu.write(optimizer.second, unpackedValues(adapter.plan, checkpoint, checkpoint.secondMoments));
}
