/**
 * Preference training of a LoRA adapter: the step, top to bottom; what a micro-batch does stands in its family. The
 * frozen model is the policy without its adapter, so its log-probabilities are computed once per pair. Batches add up as TRL's do: a micro-batch is a mean over its pairs
 * (an NLL term a mean over its tokens), and a step the mean of its micro-batches. So four pairs at once give the
 * gradient of four passes of one pair, except where an objective couples them: NLL terms of answers of different
 * length, and statistics of the batch.
 */
import type { StepMetrics, TrainEvent, TrainingCheckpoint, TrainPlan } from '../engine/engine.ts';
import { DeviceLostError, EngineError, throwIfCancelled } from '../errors.ts';
import type { Scope } from '../kernels/gpu/index.ts';
import { dropoutKey } from '../kernels/lora-dropout/kernel.ts';
import { checkCheckpoint, readState, restoreState } from './checkpoint.ts';
import { hashPairs } from './data.ts';
import { stepBatches } from './data-order.ts';
import type { FamilyOptions, FamilyState, MicroBatch, RecordedMicroBatch, TrainingFamily } from './families/family.ts';
import { trainingFamily } from './families/index.ts';
import { NotFiniteError } from './families/not-finite.ts';
import { phaseMetrics, stepMetrics } from './metrics.ts';
import { Optimizer, optimizerKernels } from './optimizer.ts';
import { planRun } from './plan.ts';
import { learningRate } from './schedule.ts';
import { SnapshotClock } from './snapshots.ts';

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

/** A micro-batch, by where it stands. */
type Place = Pick<MicroBatch, 'step' | 'batches' | 'index' | 'batch'>;

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
  /** A micro-batch of the last update, while nothing has been computed with the adapter that this update made. */
  #untried: Place | null = null;
  /** The newest snapshot, until it is handed out. */
  #snapshot: TrainingCheckpoint | null = null;
  #snapshots: SnapshotClock;

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
    this.#snapshots = new SnapshotClock(step);
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
   * @throws CancelledError after the signal; EngineError for an update after which loss or gradient are not finite. Both
   *   come after a checkpoint of the last good adapter, which is then the adapter's state.
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
        const metrics = await this.#trainStep(signal);
        if (this.#snapshot) yield { type: 'snapshot', checkpoint: this.#snapshot };
        this.#snapshot = null;
        yield { type: 'step', metrics };
        const { step } = this.#progress;
        if (every > 0 && step % every === 0 && step < last) {
          await this.#prove();
          this.#snapshots.took(step);
          yield { type: 'checkpoint', checkpoint: await this.checkpoint() };
        }
      }
      await this.#prove();
    } catch (caught) {
      // A pause comes before the next step could have told what the last update did.
      const error = await this.#prove().then(
        () => caught,
        (worse: unknown) => worse,
      );
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
      const extra = await this.#takeSnapshot();
      const rate = learningRate(config, before.step, steps);
      const step = before.step + 1;
      this.#optimizer.step(config, rate, step, batches.length, norm);
      const tokens = recorded.reduce((sum, micro) => sum + micro.tokens, 0);
      const numTokens = before.numTokens + tokens;
      this.#before = before;
      this.#progress = { step, numTokens, state };
      // The first, because every step has one.
      this.#untried = { step: before.step, batches, index: 0, batch: batches[0] };
      const times = this.#timed ? phaseMetrics(await gpu.phases.read()) : {};
      const seconds = (performance.now() - begin - extra) / 1000;
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

  /**
   * Reads adapter and moments back where it is time. Called when the adapter of the steps so far has just given finite
   * numbers, and before it is updated. Returns the milliseconds it took.
   */
  async #takeSnapshot(): Promise<number> {
    const begin = performance.now();
    const { step } = this.#progress;
    if (!this.#snapshots.due(step, begin)) return 0;
    this.#snapshot = await this.checkpoint();
    const end = performance.now();
    this.#snapshots.took(step, begin, end);
    return end - begin;
  }

  /**
   * Asks the adapter that the last update made for one more loss and gradient, of a micro-batch that update learnt from,
   * and takes the update back where they are not finite. Between two steps the next step does this for nothing. But a
   * checkpoint may not hold an adapter that nobody has asked: a later call that starts from it has nothing to go back
   * to, and would call it the last good one. So this comes before every checkpoint. It is the whole micro-batch and not
   * the forward pass alone, because then no family needs code for it and it tells what the next step would have told.
   * @throws EngineError as the next step would; whatever else goes wrong, and then the update is not kept either.
   */
  async #prove(): Promise<void> {
    if (!this.#untried) return;
    const { gpu } = this.options;
    // No step's time.
    gpu.phases.measure(false);
    const scope = gpu.scope('proof of the last update');
    try {
      const { loss, norm } = await this.#lossOf(this.#untried, scope);
      this.#assertFinite(loss, norm);
      this.#untried = null;
    } catch (error) {
      this.#takeBack();
      throw error;
    } finally {
      scope.dispose();
      gpu.phases.measure(this.#timed);
    }
  }

  /** Loss and gradient norm of one micro-batch with the adapter as it stands. */
  async #lossOf(place: Place, scope: Scope): Promise<{ readonly loss: number; readonly norm: number }> {
    this.#optimizer.zeroGradients();
    const { gradients } = this.#optimizer;
    try {
      const micro = await this.#family.microBatch({ ...place, scope, gradients, state: this.#before.state });
      const read = [this.#optimizer.norm(scope), ...micro.read];
      const [[norm], ...values] = (await this.options.gpu.readAll(read)) as Float32Array[];
      return { loss: micro.metrics(values).means.loss, norm };
    } catch (error) {
      if (error instanceof NotFiniteError) return { loss: Number.NaN, norm: Number.NaN };
      throw error;
    }
  }

  /** A loss that is no number takes the update back that led there, and stops the run. */
  #assertFinite(loss: number, norm: number): void {
    if (Number.isFinite(loss) && Number.isFinite(norm)) return;
    const { step } = this.#progress;
    const numbers = `the loss is ${loss} and the gradient norm ${norm}, not finite numbers`;
    const what = this.#takeBack()
      ? `After step ${step} ${numbers}, so that step was taken back and training stopped.`
      : `In step ${step + 1} ${numbers}, so training stopped.`;
    const { step: kept } = this.#progress;
    const rest = kept > 0 ? `The adapter after step ${kept} is kept.` : 'The adapter is what it was before the run.';
    throw new EngineError(
      `${what} ${rest} Try a lower learning_rate (it is ${this.plan.config.learning_rate}).`,
      'learning_rate',
    );
  }

  /** Undoes the last update. Returns false where there is none to undo. */
  #takeBack(): boolean {
    this.#untried = null;
    if (!this.#optimizer.undo()) return false;
    this.#progress = this.#before;
    return true;
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
