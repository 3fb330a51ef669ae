/**
 * Preference training of a LoRA adapter: the step, top to bottom; what a micro-batch does stands in its family. The
 * frozen model is the policy without its adapter, so its log-probabilities are computed once per pair. Batches add up as TRL's do: a micro-batch is a mean over its pairs
 * (an NLL term a mean over its tokens), and a step the mean of its micro-batches. So four pairs at once give the
 * gradient of four passes of one pair, except where an objective couples them: NLL terms of answers of different
 * length, and statistics of the batch.
 */
import type { StepMetrics, TrainEvent, TrainingCheckpoint, TrainPlan } from '../engine/engine.ts';
import { DeviceLostError, EngineError, throwIfCancelled } from '../errors.ts';
import { dropoutKey } from '../kernels/lora-dropout/kernel.ts';
import { checkCheckpoint, readState, restoreState } from './checkpoint.ts';
import { hashPairs } from './data.ts';
import { stepBatches } from './data-order.ts';
import type { FamilyOptions, FamilyState, RecordedMicroBatch, TrainingFamily } from './families/family.ts';
import { trainingFamily } from './families/index.ts';
import { NotFiniteError } from './families/not-finite.ts';
import { phaseMetrics, stepMetrics } from './metrics.ts';
import { Optimizer, optimizerKernels } from './optimizer.ts';
import { planRun } from './plan.ts';
import { learningRate } from './schedule.ts';

/** Adapter and pairs stay the caller's. */
export type TrainerOptions = Omit<FamilyOptions, 'references'> & Partial<Pick<FamilyOptions, 'references'>>;

const FRESH: Pick<TrainingCheckpoint, 'step' | 'numTokens' | 'familyState'> = { step: 0, numTokens: 0 };

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Optimiser steps of this call at most. */
  readonly stopAfter?: number;
  /** Measures `gpu_ms/...`, where the device can. */
  readonly phaseTimes?: boolean;
}

/** Where a run stands beside adapter and moments. */
interface Progress {
  /** Optimiser steps done. */
  readonly step: number;
  readonly numTokens: number;
  readonly state: FamilyState;
}

export class Trainer {
  readonly plan: TrainPlan;
  readonly #family: TrainingFamily;
  readonly #optimizer: Optimizer;
  readonly #pairsHash: string;
  /** Whether the phases of the steps are measured. */
  #timed = false;
  #progress: Progress = { step: 0, numTokens: 0, state: {} };
  /** As it stood before the last update. */
  #before: Progress = this.#progress;

  /**
   * Checks everything and takes the memory of the optimiser. Dispose it.
   * @param resume a checkpoint of the same run: its values go to the adapter.
   * @throws InputError for pairs, hyperparameters or a checkpoint that cannot be used; OutOfMemoryError.
   */
  constructor(
    private readonly options: TrainerOptions,
    resume?: TrainingCheckpoint,
  ) {
    const { gpu, adapter, pairs } = options;
    this.#family = trainingFamily({ ...options, references: options.references ?? new Map() });
    this.#pairsHash = hashPairs(pairs);
    if (resume) checkCheckpoint(resume, this.#pairsHash);
    this.plan = planRun(options, this.#family, resume?.step ?? 0);
    const { step, numTokens, familyState: state = this.#family.initialState ?? {} } = resume ?? FRESH;
    this.#progress = { step, numTokens, state };
    this.#optimizer = new Optimizer(gpu, adapter.parameters);
    try {
      if (resume) restoreState(gpu, adapter, this.#optimizer, resume);
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
  async *run({
    signal,
    stopAfter = Number.POSITIVE_INFINITY,
    phaseTimes = false,
  }: RunOptions = {}): AsyncGenerator<TrainEvent> {
    const { save_steps: every } = this.plan.config;
    yield { type: 'plan', plan: this.plan };
    const last = Math.min(this.plan.steps, this.#progress.step + stopAfter);
    try {
      const { gpu, policy, adapter } = this.options;
      const dropout = adapter.config.dropout > 0;
      const { kernels, divergence } = this.#family;
      await Promise.all([
        policy.prepareTraining({ divergence, dropout }),
        gpu.prepare([...kernels, ...optimizerKernels]),
      ]);
      this.#timed = gpu.phases.measure(phaseTimes);
      gpu.phases.begin('reference');
      if (this.#family.start) yield* this.#family.start(signal);
      while (this.#progress.step < last) {
        yield { type: 'step', metrics: await this.#trainStep(signal) };
        const { step } = this.#progress;
        if (every > 0 && step % every === 0 && step < last) {
          yield { type: 'checkpoint', checkpoint: await this.checkpoint() };
        }
      }
    } catch (error) {
      if (!(error instanceof DeviceLostError)) yield { type: 'checkpoint', checkpoint: await this.checkpoint() };
      throw error;
    } finally {
      this.options.gpu.phases.measure(false);
    }
    yield { type: 'checkpoint', checkpoint: await this.checkpoint() };
    const { step } = this.#progress;
    yield { type: 'done', reason: step >= this.plan.steps ? 'finished' : 'stopped', step };
  }

  /** One optimiser step: every micro-batch forward, loss, backward; then clip, AdamW. One read-back. */
  async #trainStep(signal: AbortSignal | undefined): Promise<StepMetrics> {
    const { gpu, pairs, adapter } = this.options;
    const { config, steps, stepsPerEpoch } = this.plan;
    const begin = performance.now();
    const before = this.#progress;
    const batches = stepBatches(config, pairs.length, before.step);
    const context = { step: before.step, batches, signal };
    const recorded: RecordedMicroBatch[] = [];
    let { state } = before;
    const scope = gpu.scope('training step');
    try {
      this.#optimizer.zeroGradients();
      gpu.phases.begin('rollout');
      await this.#family.beginStep?.(context);
      for (const [index, batch] of batches.entries()) {
        throwIfCancelled(signal);
        const { gradients } = this.#optimizer;
        adapter.dropoutKey = dropoutKey(config.seed, before.step, index);
        const micro = await this.#family.microBatch({ ...context, index, batch, scope, gradients, state });
        recorded.push(micro);
        state = micro.state ?? state;
        if (recorded.length < batches.length) await gpu.idle();
      }
      const read = recorded.flatMap((micro) => micro.read);
      const [[summedNorm], ...values] = (await gpu.readAll([this.#optimizer.norm(scope), ...read])) as Float32Array[];
      const norm = summedNorm / batches.length;
      const { means, ...details } = stepMetrics(
        recorded.map((micro) => micro.metrics(values.splice(0, micro.read.length))),
      );
      this.#assertFinite(means.loss, norm);
      const rate = learningRate(config, before.step, steps);
      const step = before.step + 1;
      this.#optimizer.step(config, rate, step, batches.length, norm);
      const times = this.#timed ? phaseMetrics(await gpu.phases.read()) : {};
      const tokens = recorded.reduce((sum, micro) => sum + micro.tokens, 0);
      const numTokens = before.numTokens + tokens;
      this.#before = before;
      this.#progress = { step, numTokens, state };
      const seconds = (performance.now() - begin) / 1000;
      return {
        ...means,
        step,
        epoch: step / stepsPerEpoch,
        learning_rate: rate,
        grad_norm: norm,
        num_tokens: numTokens,
        tokens_per_second: tokens / seconds,
        seconds,
        ...times,
        ...details,
      };
    } catch (error) {
      if (error instanceof NotFiniteError) this.#assertFinite(Number.NaN, Number.NaN);
      throw error;
    } finally {
      scope.dispose();
    }
  }

  /** A step that gave no number takes the update back that led there, and stops the run. */
  #assertFinite(loss: number, norm: number): void {
    if (Number.isFinite(loss) && Number.isFinite(norm)) return;
    const failed = this.#progress.step + 1;
    if (this.#optimizer.undo()) this.#progress = this.#before;
    throw new EngineError(
      `Step ${failed} gave no finite number (loss ${loss}, gradient norm ${norm}), so training stopped. The adapter after step ${this.#progress.step} is kept. Try a lower learning_rate (it is ${this.plan.config.learning_rate}).`,
      'learning_rate',
    );
  }

  /** The run as it stands, after the last whole step. */
  async checkpoint(): Promise<TrainingCheckpoint> {
    const { gpu, adapter, settings } = this.options;
    const { step, numTokens, state } = this.#progress;
    return {
      version: 1,
      ...settings,
      lora: this.plan.lora,
      step,
      numTokens,
      ...(this.#family.initialState && { familyState: state }),
      pairsHash: this.#pairsHash,
      ...(await readState(gpu, adapter, this.#optimizer)),
    };
  }

  dispose(): void {
    this.#optimizer.dispose();
  }
}
