/**
 * Preference training of a LoRA adapter: the step, top to bottom. The frozen model is the policy without its adapter, so
 * its log-probabilities are computed once per pair. Batches add up as TRL's do: a micro-batch is a mean over its pairs
 * (an NLL term a mean over its tokens), and a step the mean of its micro-batches. So four pairs at once give the
 * gradient of four passes of one pair, except where an objective couples them: NLL terms of answers of different
 * length, and statistics of the batch.
 */
import type { StepMetrics, TrainEvent, TrainingCheckpoint, TrainPlan } from '../engine/engine.ts';
import { DeviceLostError, EngineError, throwIfCancelled } from '../errors.ts';
import type { Gpu, Scope } from '../kernels/gpu/index.ts';
import { objectiveById } from '../kernels/losses/index.ts';
import type { Objective } from '../kernels/losses/objective.ts';
import type { LoraAdapter, Policy, TrainingPass } from '../models/policy/index.ts';
import { checkCheckpoint, readState, restoreState } from './checkpoint.ts';
import { hashPairs, type ReferenceLogps, sequencesOf, type TokenizedPair, tokensOf } from './data.ts';
import { stepBatches } from './data-order.ts';
import { lossKernels, needsReference, type RecordedLoss, recordLoss } from './loss.ts';
import { stepMeans } from './metrics.ts';
import { Optimizer, optimizerKernels } from './optimizer.ts';
import { needsCorrupted } from './parts.ts';
import { planRun } from './plan.ts';
import { scoreReference } from './reference.ts';
import { learningRate } from './schedule.ts';
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
  constructor(
    private readonly options: TrainerOptions,
    resume?: TrainingCheckpoint,
  ) {
    const { gpu, adapter, pairs, settings } = options;
    this.#objective = objectiveById(settings.objective);
    this.#references = options.references ?? new Map();
    this.#pairsHash = hashPairs(pairs);
    if (resume) checkCheckpoint(resume, this.#pairsHash);
    this.plan = planRun(options, resume?.step ?? 0);
    this.#optimizer = new Optimizer(gpu, adapter.parameters);
    try {
      if (!resume) return;
      restoreState(gpu, adapter, this.#optimizer, resume);
      this.#step = resume.step;
      this.#numTokens = resume.numTokens;
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
      const { gpu, policy, pairs } = this.options;
      await Promise.all([
        policy.prepareTraining(),
        gpu.prepare([...lossKernels(this.#objective), ...optimizerKernels]),
      ]);
      if (needsReference(this.#objective))
        yield* scoreReference(policy, pairs, this.#references, signal, needsCorrupted(this.#objective));
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
    const { gpu, policy, adapter, pairs } = this.options;
    const { config, steps, stepsPerEpoch } = this.plan;
    const begin = performance.now();
    const batches = stepBatches(config, pairs.length, this.#step);
    const losses: RecordedLoss[] = [];
    const scope = gpu.scope('training step');
    try {
      this.#optimizer.zeroGradients();
      for (const batch of batches) {
        throwIfCancelled(signal);
        const taken = batch.map((index) => pairs[index]);
        const pass = policy.trainingPass(await sequencesOf(taken, needsCorrupted(this.#objective)), adapter);
        try {
          const loss = await this.#loss(scope, taken, pass);
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
      const sizes = batches.map((batch) => batch.length);
      const means = stepMeans(sums, sizes, needsReference(this.#objective));
      this.#assertFinite(means.loss, norm);
      const rate = learningRate(config, this.#step, steps);
      this.#optimizer.step(config, rate, this.#step + 1, batches.length, norm);
      this.#step++;
      const tokens = tokensOf(pairs, batches);
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

  #loss(scope: Scope, pairs: TokenizedPair[], { logps, starts }: TrainingPass): Promise<RecordedLoss> {
    const objective = this.#objective;
    const { hyperparameters } = this.plan;
    const references = needsReference(objective) ? pairs.map(({ key }) => this.#references.get(key)!) : undefined;
    return recordLoss(this.options.gpu, scope, { objective, hyperparameters, pairs, references, logps, starts });
  }

  /** A step that gave no number takes the update back that led there, and stops the run. */
  #assertFinite(loss: number, norm: number): void {
    if (Number.isFinite(loss) && Number.isFinite(norm)) return;
    const failed = this.#step + 1;
    if (this.#optimizer.undo()) {
      this.#step--;
      const { pairs } = this.options;
      this.#numTokens -= tokensOf(pairs, stepBatches(this.plan.config, pairs.length, this.#step));
    }
    throw new EngineError(
      `Step ${failed} gave no finite number (loss ${loss}, gradient norm ${norm}), so training stopped. The adapter after step ${this.#step} is kept. Try a lower learning_rate (it is ${this.plan.config.learning_rate}).`,
      'learning_rate',
    );
  }

  /** The run as it stands, after the last whole step. */
  async checkpoint(): Promise<TrainingCheckpoint> {
    const { gpu, adapter, settings } = this.options;
    return {
      version: 1,
      ...settings,
      lora: this.plan.lora,
      step: this.#step,
      numTokens: this.#numTokens,
      pairsHash: this.#pairsHash,
      ...(await readState(gpu, adapter, this.#optimizer)),
    };
  }

  dispose(): void {
    this.#optimizer.dispose();
  }
}
