/**
 * Training as the page sees it: runs are started, paused, continued and rewound; metrics go to append-only columns
 * outside the state, checkpoints to the browser's storage. Examinations on held-out scenes happen between segments of
 * a run, because the engine does one thing at a time.
 */
import type {
  AdapterFacts,
  Engine,
  EngineState,
  StepMetrics,
  TrainEvent,
  TrainingPair,
  TrainPlan,
} from '../engine/engine.ts';
import { CancelledError, DeviceLostError, InputError } from '../errors.ts';
import { newId, notify, sentence } from './context.ts';
import type { ImageLibrary } from './images.ts';
import type { RunFiles } from './persistence.ts';
import type { AdapterRecord, AppState, RunRecord, TrainingState } from './state.ts';
import type { Store } from './store.ts';
import { Checkpoints } from './training/checkpoints.ts';
import { Examiner } from './training/examiner.ts';
import { bestPoint, overOptimisation } from './training/judge.ts';
import { MetricsLog } from './training/metrics.ts';
import {
  engineInputs,
  intendedRun,
  type RunOptions,
  runToContinue,
  trainablePairs,
  whyNotTrain,
} from './training/run.ts';
import { configOf } from './training/settings.ts';

export interface TrainOptions extends RunOptions {
  /** Optimiser steps before the run pauses by itself. */
  readonly steps?: number;
  /** Starts afresh even where a run could be continued. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
  readonly onStep?: (metrics: StepMetrics) => void;
}

/** More runs on the same axes than this cannot be told apart. */
const MOST_RUNS = 8;

/** The state with another adapter at work: what the policy said of the answers on the table is out of date. */
export function withAdapter(state: AppState, adapter: AdapterRecord | null): AppState {
  if (state.adapter?.key === adapter?.key) return state;
  return {
    ...state,
    adapter,
    candidates: state.candidates.map((candidate) => {
      if (!candidate.text.trim() || candidate.status === 'streaming') return candidate;
      return {
        ...candidate,
        tokens: [],
        logpSum: 0,
        reference: undefined,
        status: 'scoring',
        error: undefined,
      } as const;
    }),
  };
}

export class Training {
  #store: Store<AppState>;
  #engine: Engine;
  #images: ImageLibrary;
  #checkpoints: Checkpoints;
  #examiner: Examiner;
  #logs = new Map<string, MetricsLog>();
  #listeners = new Set<() => void>();
  #controller: AbortController | null = null;
  #examination: AbortController | null = null;
  #ended: Promise<unknown> = Promise.resolve();

  /** Progress of the phase under way, where it has a known length. */
  progress: { readonly done: number; readonly total: number } | null = null;

  constructor(store: Store<AppState>, engine: Engine, images: ImageLibrary, files: RunFiles) {
    this.#store = store;
    this.#engine = engine;
    this.#images = images;
    this.#checkpoints = new Checkpoints(files);
    this.#examiner = new Examiner(engine);
  }

  /** Called after every step and every progress; returns the unsubscribe function. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The metrics of a run; empty for one that is unknown. */
  log(run: string): MetricsLog {
    let log = this.#logs.get(run);
    if (!log) {
      log = new MetricsLog();
      this.#logs.set(run, log);
    }
    return log;
  }

  /** The run that Train continues or that is under way. */
  get run(): RunRecord | undefined {
    const { runs, run } = this.#store.state.training;
    return runs.find(({ id }) => id === run);
  }

  /** Fetches what earlier visits left: metrics for the curves, the present run's checkpoint for the engine. */
  async restore(): Promise<void> {
    const { training, adapter } = this.#store.state;
    for (const { id } of training.runs) this.#logs.set(id, await this.#checkpoints.log(id));
    for (const { id, step } of training.runs) this.log(id).truncate(step);
    if (adapter?.run) await this.#checkpoints.get(adapter.run, adapter.step);
    // The bytes of an imported adapter are not kept beyond the page.
    else if (adapter) this.#store.update((state) => withAdapter(state, null));
    void this.#checkpoints.keepOnly(training.runs.map(({ id }) => id));
  }

  /** A fresh engine has no adapter: the one at work goes back in before anything else is asked of it. */
  engineChanged(engine: EngineState): void {
    const { adapter } = this.#store.state;
    if (engine.kind !== 'ready' || !adapter) return;
    const checkpoint = adapter.run === undefined ? undefined : this.#checkpoints.atHand(adapter.run, adapter.step);
    if (!checkpoint) {
      this.#store.update((state) => withAdapter(state, null));
      if (adapter.run !== undefined) void this.#workWith(adapter.run, adapter.step).catch((error) => this.#say(error));
      return;
    }
    this.#engine.adapter.restore(checkpoint).catch((error) => {
      this.#store.update((state) => withAdapter(state, null));
      this.#say(error);
    });
  }

  /**
   * Continues the present run, or starts a new one where anything that matters differs. Settles when the run pauses or
   * ends, with its record.
   * @throws InputError when it cannot start; whatever stopped it otherwise.
   */
  train(options: TrainOptions = {}): Promise<RunRecord | undefined> {
    const why = whyNotTrain(this.#store.state);
    if (why) return Promise.reject(new InputError(why));
    const ended = this.#train(options);
    this.#ended = ended.catch(() => {});
    return ended;
  }

  /** Ends the step, the examination or the comparison under way; what is done stays. */
  pause(): void {
    if (!this.#controller || this.#controller.signal.aborted) return;
    this.#setTraining({ phase: 'pausing' });
    this.#controller.abort();
  }

  /** Leaves out the examination under way; the run goes on. */
  skipExamination(): void {
    this.#examination?.abort();
  }

  /** Pauses, and settles when nothing is under way any more. */
  async idle(): Promise<void> {
    this.pause();
    await this.#ended;
  }

  /** The policy becomes the reference again, and the next run starts afresh. The runs so far stay to compare with. */
  async reset(): Promise<void> {
    await this.idle();
    await this.#engine.adapter.reset();
    this.#setTraining({ run: null, comparison: null });
    this.#store.update((state) => withAdapter(state, null));
  }

  /**
   * Goes back to a step of the present run; Train repeats what followed, with the same seed and order.
   * @throws InputError when that checkpoint is gone.
   */
  async rewind(step: number): Promise<void> {
    await this.idle();
    const { run } = this;
    if (!run) return;
    await this.#workWith(run.id, step);
    this.log(run.id).truncate(step);
    await this.#checkpoints.forgetAfter(run.id, run.checkpoints, step);
    this.#setRun(run.id, {
      step,
      status: 'paused',
      message: undefined,
      checkpoints: run.checkpoints.filter((each) => each <= step),
      heldOut: run.heldOut.filter((point) => point.step <= step),
    });
    this.#tell();
  }

  /** Forgets a run. The adapter of the present one goes with it. */
  async forget(id: string): Promise<void> {
    if (this.#store.state.training.run === id) await this.reset();
    this.#setTraining({ runs: this.#store.state.training.runs.filter((run) => run.id !== id) });
    this.#logs.delete(id);
    await this.#checkpoints.keepOnly(this.#store.state.training.runs.map((run) => run.id));
    this.#tell();
  }

  /** Examines reference and policy on the held-out scenes of the settings, now. */
  async examine(): Promise<void> {
    const { run } = this;
    if (!run || this.#store.state.training.phase !== 'idle') return;
    await this.during('evaluating', (signal) => this.#examine(run.id, signal));
  }

  /** An adapter came from a file. */
  async adopt(bytes: Uint8Array): Promise<AdapterFacts> {
    await this.idle();
    const facts = await this.#engine.adapter.import(bytes);
    this.#setTraining({ run: null, comparison: null });
    this.#store.update((state) => withAdapter(state, { key: newId('imported'), step: facts.step }));
    return facts;
  }

  /** Runs cancellable work under a phase; progress and phase go when it ends. */
  async during<T>(phase: TrainingState['phase'], work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#controller = new AbortController();
    this.#setTraining({ phase });
    const ended = work(this.#controller.signal);
    this.#ended = ended.catch(() => {});
    try {
      return await ended;
    } finally {
      this.#controller = null;
      this.#setProgress(null);
      this.#setTraining({ phase: 'idle' });
    }
  }

  dispose(): void {
    this.#controller?.abort();
    this.#listeners.clear();
  }

  async #train(options: TrainOptions): Promise<RunRecord | undefined> {
    const { state } = this.#store;
    const intent = intendedRun(state, options);
    const known = options.fresh ? undefined : runToContinue(state, intent);
    const before = state.training.run;
    const run = known ?? this.#enlist(intent);
    // Examinations may be asked for differently halfway.
    this.#setRun(run.id, { status: 'running', message: undefined, settings: intent.settings });
    const outer = options.signal;
    const abort = () => this.pause();
    outer?.addEventListener('abort', abort);
    try {
      await this.during('reference', async (signal) => {
        if (outer?.aborted) throw new CancelledError();
        const pairs = await engineInputs(trainablePairs(state), this.#images);
        await this.#drive(run.id, pairs, options, signal);
      });
    } catch (error) {
      if (!(error instanceof CancelledError)) {
        const status = error instanceof DeviceLostError ? 'paused' : 'failed';
        this.#setRun(run.id, { status, message: sentence(error) });
        throw error;
      }
      if (this.#record(run.id)?.status === 'running') this.#setRun(run.id, { status: 'paused' });
    } finally {
      outer?.removeEventListener('abort', abort);
      await this.#settle(run.id, before);
    }
    return this.#record(run.id);
  }

  /** The log agrees with the newest checkpoint, the adapter with the run; a run without a step leaves no trace. */
  async #settle(id: string, before: string | null): Promise<void> {
    const run = this.#record(id);
    if (!run) return;
    if (run.step === 0 && this.log(id).length === 0) {
      this.#setTraining({
        runs: this.#store.state.training.runs.filter((each) => each.id !== id),
        run: before === id ? null : before,
      });
      const { adapter } = this.#store.state;
      if (adapter?.run) await this.#workWith(adapter.run, adapter.step).catch((error) => this.#say(error));
    } else {
      this.log(id).truncate(run.step);
      this.#atWork(id, run.step);
    }
    this.#tell();
  }

  /** Segments of the run, each up to the next examination, until it is done or has been told to stop. */
  async #drive(id: string, pairs: readonly TrainingPair[], options: TrainOptions, signal: AbortSignal): Promise<void> {
    const { objective, hyperparameters, settings, step: first } = this.#record(id)!;
    const until = options.steps ? first + options.steps : Number.POSITIVE_INFINITY;
    const every = settings.eval_scenes > 0 ? settings.eval_steps : 0;
    const { config, lora } = configOf(settings);
    for (let finished = false; !finished; ) {
      const { step } = this.#record(id)!;
      const resume = step > 0 ? await this.#checkpoints.get(id, step) : undefined;
      if (step > 0 && !resume) throw new InputError(`The checkpoint of step ${step} is gone. Press Reset, then Train.`);
      const stop = Math.min(until, every > 0 ? (Math.floor(step / every) + 1) * every : Number.POSITIVE_INFINITY);
      const stopAfter = Number.isFinite(stop) ? stop - step : undefined;
      const request = { pairs, objective, hyperparameters, config, lora, resume, stopAfter };
      for await (const event of this.#engine.train(request, { signal })) {
        if (event.type === 'done') finished = event.reason === 'finished';
        await this.#heard(id, event, options);
      }
      const now = this.#record(id)!;
      if (finished) this.#setRun(id, { status: 'finished' });
      else if (now.step >= until) return this.#setRun(id, { status: 'paused' });
      if (settings.eval_scenes === 0) continue;
      this.#atWork(id, now.step);
      await this.#examine(id, signal);
      if (settings.early_stopping && overOptimisation(this.#record(id)!)) return this.#stopEarly(id);
    }
  }

  async #heard(id: string, event: TrainEvent, { onStep }: TrainOptions): Promise<void> {
    switch (event.type) {
      case 'plan':
        return this.#planned(id, event.plan);
      case 'reference':
        return this.#setProgress({ done: event.done, total: event.total });
      case 'step':
        this.log(id).append(event.metrics);
        if (this.#store.state.training.phase === 'reference') this.#setTraining({ phase: 'training' });
        this.#setProgress(null);
        return onStep?.(event.metrics);
      case 'checkpoint': {
        const { checkpoint } = event;
        const { checkpoints } = this.#record(id)!;
        if (checkpoint.step === 0) return this.#setRun(id, { step: 0, checkpoints: [] });
        const kept = await this.#checkpoints.keep(id, checkpoints, checkpoint, this.log(id));
        return this.#setRun(id, { step: checkpoint.step, checkpoints: kept });
      }
      case 'done':
        return;
      default:
        event satisfies never;
    }
  }

  #planned(id: string, { steps, stepsPerEpoch, parameters, trainingBytes }: TrainPlan): void {
    this.#setRun(id, { steps, stepsPerEpoch, parameters, trainingBytes });
  }

  /** An examination that fails costs its point on the curve, never the run. */
  async #examine(id: string, signal: AbortSignal): Promise<void> {
    const phase = this.#store.state.training.phase;
    const run = this.#record(id)!;
    this.#examination = new AbortController();
    this.#setTraining({ phase: 'evaluating' });
    try {
      const points = await this.#examiner.examine(run, this.log(id), {
        signal: AbortSignal.any([signal, this.#examination.signal]),
        onProgress: (done, total) => this.#setProgress({ done, total }),
      });
      this.#setRun(id, { heldOut: points });
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof CancelledError)) this.#say(error, 'The held-out examination stopped: ');
    } finally {
      this.#examination = null;
      this.#setProgress(null);
      if (!signal.aborted) this.#setTraining({ phase });
    }
  }

  async #stopEarly(id: string): Promise<void> {
    const run = this.#record(id)!;
    const best = bestPoint(run.heldOut)!;
    const last = run.heldOut.at(-1)!;
    const back = best.step === 0 || run.checkpoints.includes(best.step);
    if (back) await this.#workWith(id, best.step);
    this.#setRun(id, {
      status: 'stopped',
      message: `Stopped early at step ${last.step}: held-out F1 fell from ${best.f1.toFixed(2)} to ${last.f1.toFixed(2)} while the margin rose.${back ? ` The adapter of step ${best.step} is at work.` : ''}`,
    });
  }

  /** Puts the adapter of a run's step to work; step 0 is the model without one. */
  async #workWith(id: string, step: number): Promise<void> {
    if (step === 0) {
      await this.#engine.adapter.reset();
    } else {
      const checkpoint = await this.#checkpoints.get(id, step);
      if (!checkpoint) throw new InputError(`The checkpoint of step ${step} is gone from this browser.`);
      await this.#engine.adapter.restore(checkpoint);
    }
    this.#atWork(id, step);
  }

  #atWork(id: string, step: number): void {
    const adapter = step === 0 ? null : { key: `${id}@${step}`, run: id, step };
    this.#store.update((state) => withAdapter(state, adapter));
  }

  #enlist(intent: ReturnType<typeof intendedRun>): RunRecord {
    const { runs } = this.#store.state.training;
    const run: RunRecord = {
      ...intent,
      id: newId('run'),
      ordinal: Math.max(0, ...runs.map(({ ordinal }) => ordinal)) + 1,
      steps: 0,
      stepsPerEpoch: 1,
      parameters: 0,
      trainingBytes: 0,
      step: 0,
      status: 'running',
      checkpoints: [],
      heldOut: [],
    };
    this.#setTraining({ runs: [...runs, run].slice(-MOST_RUNS), run: run.id, comparison: null });
    return run;
  }

  #record(id: string): RunRecord | undefined {
    return this.#store.state.training.runs.find((run) => run.id === id);
  }

  #setRun(id: string, fields: Partial<RunRecord>): void {
    this.#setTraining({
      runs: this.#store.state.training.runs.map((run) => (run.id === id ? { ...run, ...fields } : run)),
    });
  }

  #setTraining(fields: Partial<TrainingState>): void {
    this.#store.update((state) => ({ ...state, training: { ...state.training, ...fields } }));
  }

  #setProgress(progress: Training['progress']): void {
    this.progress = progress;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #say(error: unknown, before = ''): void {
    notify(this.#store, 'error', `${before}${sentence(error)}`);
  }
}
