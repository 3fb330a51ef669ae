/**
 * Preference training of a LoRA adapter: the step, top to bottom. The frozen model is the policy without its adapter, so
 * its log-probabilities are computed once per pair. Batches add up as TRL's do: a micro-batch is a mean over its pairs
 * (an NLL term a mean over its tokens), and a step the mean of its micro-batches. So four pairs at once give the
 * gradient of four passes of one pair, except where an objective couples them: NLL terms of answers of different
 * length, and statistics of the batch.
 */
import type { StepMetrics, TrainEvent, TrainingCheckpoint, TrainPlan } from '../engine/engine.ts';
import { DeviceLostError, EngineError, throwIfCancelled } from '../errors.ts';
import type { Gpu } from '../kernels/gpu/index.ts';
import { prepareBatch } from '../kernels/losses/evaluate.ts';
import { objectiveById } from '../kernels/losses/index.ts';
import type { Objective } from '../kernels/losses/objective.ts';
import type { LoraAdapter, Policy } from '../models/policy/index.ts';
import { checkCheckpoint, loraSettings, packedValues, unpackedValues } from './checkpoint.ts';
import {
  checkInputs,
  fixedRow,
  hashPairs,
  type ReferenceLogps,
  sequencesOf,
  type TokenizedPair,
  tokensOf,
} from './data.ts';
import { stepBatches } from './data-order.ts';
import { lossKernels, needsReference, type RecordedLoss, recordLoss } from './loss.ts';
import { stepMeans } from './metrics.ts';
import { Optimizer, optimizerKernels } from './optimizer.ts';
import { preflight } from './preflight.ts';
import { learningRate, runLength } from './schedule.ts';
import type { RunSettings } from './settings.ts';

export interface TrainerOptions {
  readonly gpu: Gpu;
  readonly policy: Policy;
  /** Trained in place; stays the caller's. */
  readonly adapter: LoraAdapter;
  readonly pairs: readonly TokenizedPair[];
  readonly settings: RunSettings;
  /** Known reference log-probabilities by the pairs' keys; missing ones are added. */
  readonly references?: Map<string, ReferenceLogps>;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Optimiser steps of this call at most. */
  readonly stopAfter?: number;
}

export class Trainer {
  readonly plan: TrainPlan;
  readonly #options: TrainerOptions;
  readonly #objective: Objective;
  readonly #optimizer: Optimizer;
  readonly #references: Map<string, ReferenceLogps>;
  readonly #pairsHash: string;
  #step = 0;
  #numTokens = 0;

  /**
   * Checks everything and takes the memory of the optimiser. Dispose it.
   * @param resume a checkpoint of the same run: its values go to the adapter.
   * @throws InputError for pairs, hyperparameters or a checkpoint that cannot be used; OutOfMemoryError.
   */
  constructor(options: TrainerOptions, resume?: TrainingCheckpoint) {
    const { gpu, policy, adapter, pairs, settings } = options;
    const { config } = settings;
    this.#options = options;
    this.#objective = objectiveById(settings.objective);
    this.#references = options.references ?? new Map();
    this.#pairsHash = hashPairs(pairs);
    checkInputs(pairs);
    if (resume) checkCheckpoint(resume, this.#pairsHash);
    const nothing = new Float32Array();
    const reference = needsReference(this.#objective) ? { chosen: nothing, rejected: nothing } : undefined;
    const rows = pairs.map((pair) => fixedRow(pair, reference));
    prepareBatch({ objective: settings.objective, hyperparameters: settings.hyperparameters, rows });
    this.plan = {
      ...runLength(config, pairs.length),
      firstStep: resume?.step ?? 0,
      config,
      lora: loraSettings(adapter.plan),
      hyperparameters: settings.hyperparameters,
      parameters: adapter.parameterCount,
      trainingBytes: preflight(gpu, policy.config, adapter.plan, pairs, config),
    };
    this.#optimizer = new Optimizer(gpu, adapter.parameters);
    try {
      if (resume) this.#restore(resume);
    } catch (error) {
      this.#optimizer.dispose();
      throw error;
    }
  }

  /**
   * Trains and yields what happens; see `TrainEvent`.
   * @throws CancelledError after the signal; EngineError for a step without a finite loss or gradient. Both come after a
   *   checkpoint of the last good adapter, which is then the adapter's state.
   */
  async *run({ signal, stopAfter = Number.POSITIVE_INFINITY }: RunOptions = {}): AsyncGenerator<TrainEvent> {
    const { save_steps: every } = this.plan.config;
    yield { type: 'plan', plan: this.plan };
    const last = Math.min(this.plan.steps, this.#step + stopAfter);
    try {
      await this.#options.gpu.prepare([...lossKernels(this.#objective), ...optimizerKernels]);
      if (needsReference(this.#objective)) yield* this.#scoreReference(signal);
      while (this.#step < last) {
        yield { type: 'step', metrics: await this.#trainStep(signal) };
        if (every > 0 && this.#step % every === 0 && this.#step < last) {
          yield { type: 'checkpoint', checkpoint: await this.checkpoint() };
        }
      }
    } catch (error) {
      if (!(error instanceof DeviceLostError)) yield { type: 'checkpoint', checkpoint: await this.checkpoint() };
      throw error;
    }
    yield { type: 'checkpoint', checkpoint: await this.checkpoint() };
    yield { type: 'done', reason: this.#step >= this.plan.steps ? 'finished' : 'stopped', step: this.#step };
  }

  /** One optimiser step: every micro-batch forward, loss, backward; then clip, AdamW. One read-back. */
  async #trainStep(signal: AbortSignal | undefined): Promise<StepMetrics> {
    const { gpu, policy, adapter, pairs } = this.#options;
    const { config, steps, stepsPerEpoch } = this.plan;
    const begin = performance.now();
    const batches = stepBatches(config, pairs.length, this.#step);
    const losses: RecordedLoss[] = [];
    const scope = gpu.scope('training step');
    try {
      this.#optimizer.zeroGradients();
      for (const batch of batches) {
        throwIfCancelled(signal);
        const chosen = batch.map((index) => pairs[index]);
        const pass = policy.trainingPass(await sequencesOf(chosen), adapter);
        try {
          const loss = await this.#loss(scope, chosen, pass);
          pass.backward(loss.dLogps, this.#optimizer.gradients);
          losses.push(loss);
        } finally {
          pass.dispose();
        }
        if (losses.length < batches.length) await gpu.idle();
      }
      const read = losses.flatMap(({ partials, sums }) => [partials, sums]);
      const [[summedNorm], ...sums] = (await gpu.readAll([this.#optimizer.norm(scope), ...read])) as Float32Array[];
      const norm = summedNorm / batches.length;
      const means = stepMeans(sums, needsReference(this.#objective));
      this.#assertFinite(means.loss, norm);
      const rate = learningRate(config, this.#step, steps);
      this.#optimizer.step(config, rate, this.#step + 1, batches.length, norm);
      this.#step++;
      const tokens = batches.flat().reduce((sum, index) => sum + tokensOf(pairs[index]), 0);
      this.#numTokens += tokens;
      const seconds = (performance.now() - begin) / 1000;
      return {
        ...means,
        step: this.#step,
        epoch: this.#step / stepsPerEpoch,
        learning_rate: rate,
        grad_norm: norm,
        num_tokens: this.#numTokens,
        tokens_per_second: tokens / seconds,
        seconds,
      };
    } finally {
      scope.dispose();
    }
  }

  #loss(scope: Parameters<typeof recordLoss>[1], pairs: TokenizedPair[], pass: ReturnType<Policy['trainingPass']>) {
    const references = needsReference(this.#objective) ? pairs.map(({ key }) => this.#references.get(key)!) : undefined;
    const { hyperparameters } = this.plan;
    const { logps, starts } = pass;
    return recordLoss(this.#options.gpu, scope, {
      objective: this.#objective,
      hyperparameters,
      pairs,
      references,
      logps,
      starts,
    });
  }

  /** Every pair that has no reference yet, scored with the adapter off. */
  async *#scoreReference(signal: AbortSignal | undefined): AsyncGenerator<TrainEvent> {
    const { pairs, policy } = this.#options;
    for (const [done, pair] of pairs.entries()) {
      if (!this.#references.has(pair.key)) {
        throwIfCancelled(signal);
        const [chosen, rejected] = await policy.scoreMany(await sequencesOf([pair]), { signal });
        this.#references.set(pair.key, { chosen: chosen.logps, rejected: rejected.logps });
      }
      yield { type: 'reference', done: done + 1, total: pairs.length };
    }
  }

  /** A step that gave no number takes the update back that led there, and stops the run. */
  #assertFinite(loss: number, norm: number): void {
    if (Number.isFinite(loss) && Number.isFinite(norm)) return;
    const failed = this.#step + 1;
    if (this.#optimizer.undo()) this.#step--;
    throw new EngineError(
      `Step ${failed} gave no finite number (loss ${loss}, gradient norm ${norm}), so training stopped. The adapter after step ${this.#step} is kept. Try a lower learning_rate (it is ${this.plan.config.learning_rate}).`,
      'learning_rate',
    );
  }

  /** The run as it stands, after the last whole step. */
  async checkpoint(): Promise<TrainingCheckpoint> {
    const { gpu, adapter, settings } = this.#options;
    const { plan } = adapter;
    const tensors = [adapter.parameters, this.#optimizer.first, this.#optimizer.second];
    const [values, firstMoments, secondMoments] = (await gpu.readAll(tensors)).map((buffer) =>
      packedValues(plan, buffer as Float32Array),
    );
    return {
      version: 1,
      ...settings,
      lora: this.plan.lora,
      step: this.#step,
      numTokens: this.#numTokens,
      pairsHash: this.#pairsHash,
      tensors: plan.matrices.map(({ name, shape }) => ({ name, shape })),
      values,
      firstMoments,
      secondMoments,
    };
  }

  dispose(): void {
    this.#optimizer.dispose();
  }

  #restore(checkpoint: TrainingCheckpoint): void {
    const { gpu, adapter } = this.#options;
    for (const [tensor, values] of [
      [adapter.parameters, checkpoint.values],
      [this.#optimizer.first, checkpoint.firstMoments],
      [this.#optimizer.second, checkpoint.secondMoments],
    ] as const) {
      gpu.write(tensor, unpackedValues(adapter.plan, checkpoint, values));
    }
    this.#step = checkpoint.step;
    this.#numTokens = checkpoint.numTokens;
  }
}
