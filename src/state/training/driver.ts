/** One run under way: segments of training with examinations between them, because the engine does one thing at a time. */
import type {
  CallOptions,
  Engine,
  StepMetrics,
  TrainEvent,
  TrainingCheckpoint,
  TrainingPair,
  TrainingPrompt,
  TrainPlan,
  TrainRequest,
  World,
} from '../../engine/engine.ts';
import { CancelledError, InputError } from '../../errors.ts';
import { examinationFor } from '../../preference/examinations.ts';
import { anySignal } from '../../signals.ts';
import type { Checkpoints } from './checkpoints.ts';
import { type Examiner, isAbout, type WorldExtent } from './examiner.ts';
import type { RunHistory } from './history.ts';
import { bestPoint, overOptimisation } from './judge.ts';
import { type Look, lookAfter, lookBefore, looking, lookOwed, nextLook } from './looks.ts';
import { measureDivergence, type OwnPrompt, ownPrompts } from './own-samples.ts';
import type { RunRecords } from './records.ts';
import { configOf } from './settings.ts';

export interface Drive {
  readonly pairs: readonly TrainingPair[];
  /** For objectives that sample their own answers, which take these instead. */
  readonly prompts?: readonly TrainingPrompt[];
  /** The file whose adapter the first step starts from; a fresh one without it. */
  readonly adapter?: Uint8Array;
  /** Optimiser steps before the run pauses by itself. */
  readonly steps?: number;
  readonly onStep?: (metrics: StepMetrics) => void;
  /** Of the model: it is examined on pictures of this. */
  readonly world: World;
  readonly signal: AbortSignal;
}

/** A phase of known length. */
export interface Progress {
  /** What is being done, where the phase alone does not say it. */
  readonly what?: string;
  readonly done: number;
  readonly total: number;
}

/** What the driver tells and asks of who owns it. */
export interface DriverHost {
  history(run: string): RunHistory;
  stepped(run: string, metrics: StepMetrics): void;
  progressed(progress: Progress | null): void;
  /** Puts the adapter of a run's step to work. */
  workWith(run: string, step: number): Promise<void>;
  failed(error: unknown, before: string): void;
}

const heldOutWords = ({ world }: WorldExtent): string => `Held-out ${examinationFor(world).many}`;

export class Driver {
  #engine: Pick<Engine, 'train' | 'plan' | 'divergence'>;
  #runs: RunRecords;
  #checkpoints: Checkpoints;
  #examiner: Examiner;
  #host: DriverHost;
  #examination: AbortController | null = null;

  constructor(
    engine: Pick<Engine, 'train' | 'plan' | 'divergence'>,
    runs: RunRecords,
    checkpoints: Checkpoints,
    examiner: Examiner,
    host: DriverHost,
  ) {
    this.#engine = engine;
    this.#runs = runs;
    this.#checkpoints = checkpoints;
    this.#examiner = examiner;
    this.#host = host;
  }

  /**
   * Goes on with the run, each segment up to the next examination, until it is done or has been told to stop. An
   * examination that the last call did not wait for comes first, unless a number of steps is asked for, which are not
   * kept waiting.
   */
  async drive(id: string, { pairs, prompts, adapter, steps, onStep, world, signal }: Drive): Promise<void> {
    const { objective, hyperparameters, settings, reward, step: first } = this.#runs.find(id)!;
    const until = steps ? first + steps : Number.POSITIVE_INFINITY;
    const { config, lora } = configOf(settings);
    const looks = looking(objective, settings, world);
    const run = { pairs, prompts, objective, hyperparameters, reward, config, lora };
    await this.#before(id, { ...run, adapter }, { ...lookBefore(looks), world }, { patient: !steps, signal });
    const stopsAfter = async (look: Look) => {
      await this.look(id, prompts ?? pairs, { ...look, world }, signal);
      return look.scenes > 0 && settings.early_stopping && overOptimisation(this.#runs.find(id)!) !== null;
    };
    if (!steps && (await stopsAfter(lookOwed(looks, this.#runs.find(id)!, world)))) return this.#stopEarly(id);
    for (let finished = false; !finished; ) {
      const { step } = this.#runs.find(id)!;
      const resume = step > 0 ? await this.#checkpoints.get(id, step) : undefined;
      if (step > 0 && !resume) throw new InputError(`The checkpoint of step ${step} is gone. Press Reset, then Train.`);
      const stop = Math.min(until, nextLook(looks, step));
      const stopAfter = Number.isFinite(stop) ? stop - step : undefined;
      const begin = resume ? { resume } : { adapter };
      const request = { ...run, ...begin, stopAfter, phaseTimes: settings.phase_times };
      let snapshot: TrainingCheckpoint | null = null;
      try {
        for await (const event of this.#engine.train(request, { signal })) {
          if (event.type === 'done') finished = event.reason === 'finished';
          if (event.type === 'snapshot') snapshot = event.checkpoint;
          else await this.#heard(id, event, onStep);
        }
      } catch (error) {
        // Whoever said goodbye left a checkpoint; a worker or a device that just went did not.
        if (snapshot && snapshot.step > this.#runs.find(id)!.step) await this.#keep(id, snapshot);
        throw error;
      }
      const now = this.#runs.find(id)!.step;
      if (finished) {
        this.#runs.change(id, { status: 'finished' });
        this.#runs.atWork(id, now);
      } else if (now >= until) {
        return this.#runs.change(id, { status: 'paused' });
      }
      if (await stopsAfter(lookAfter(looks, now, finished))) return this.#stopEarly(id);
    }
  }

  /** Examines the policy and measures how far it has moved. What fails costs a point on a curve, never the run. */
  async look(
    id: string,
    prompts: readonly TrainingPrompt[],
    look: Look & WorldExtent,
    signal: AbortSignal,
  ): Promise<void> {
    if (look.scenes === 0 && look.answers === 0) return;
    await this.#looking(signal, async (options) => {
      if (look.scenes > 0) await this.#examine(id, look, options(heldOutWords(look)));
      if (look.answers > 0) await this.#measure(id, ownPrompts(prompts, look.answers), options('KL on own samples'));
    });
  }

  /**
   * The point before the first step, so that a run has one however early it is paused; one that is gone on with gets the
   * point it lacks. Refusals come first, because they are quick. Who takes single steps is not kept waiting for what can
   * be had later as well: the reference does not move.
   */
  async #before(
    id: string,
    request: TrainRequest,
    extent: WorldExtent,
    { patient, signal }: { readonly patient: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const run = this.#runs.find(id)!;
    const has = run.heldOut.some((point) => point.step === 0 && isAbout(point, extent));
    if (extent.scenes === 0 || has || !(patient || this.#examiner.known(run, extent))) return;
    if (run.step === 0) this.#planned(id, await this.#engine.plan(request, { signal }));
    await this.#looking(signal, async (options) => {
      const point = await this.#examiner.before(run, extent, options(`${heldOutWords(extent)}, before training`));
      const later = run.heldOut.filter((each) => each.step > 0 && isAbout(each, extent));
      this.#runs.change(id, { heldOut: [point, ...later] });
    });
  }

  /** An examination, which can be skipped. What fails in it costs a point on a curve, never the run. */
  async #looking(signal: AbortSignal, work: (options: (words: string) => CallOptions) => Promise<void>): Promise<void> {
    const { phase } = this.#runs.state;
    const examination = new AbortController();
    this.#examination = examination;
    this.#runs.set({ phase: 'evaluating' });
    try {
      await work((what) => ({
        signal: anySignal([signal, examination.signal]),
        onProgress: (done, total) => this.#host.progressed({ what, done, total }),
      }));
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof CancelledError)) this.#host.failed(error, 'The examination stopped: ');
    } finally {
      this.#examination = null;
      this.#host.progressed(null);
      if (!signal.aborted) this.#runs.set({ phase });
    }
  }

  async #examine(id: string, extent: WorldExtent, options: CallOptions): Promise<void> {
    const { log } = this.#host.history(id);
    this.#runs.change(id, { heldOut: await this.#examiner.examine(this.#runs.find(id)!, log, extent, options) });
  }

  async #measure(id: string, prompts: readonly OwnPrompt[], options: CallOptions): Promise<void> {
    const { step, settings, divergence = [] } = this.#runs.find(id)!;
    const extent = { step, maxTokens: settings.max_completion_length };
    const point = await measureDivergence(this.#engine, prompts, extent, options);
    this.#runs.change(id, { divergence: [...divergence.filter((each) => each.step < step), point] });
  }

  /** Leaves out the examination under way; the run goes on. */
  skipExamination(): void {
    this.#examination?.abort();
  }

  async #heard(id: string, event: Exclude<TrainEvent, { type: 'snapshot' }>, onStep: Drive['onStep']): Promise<void> {
    switch (event.type) {
      case 'plan':
        return this.#planned(id, event.plan);
      case 'reference':
        return this.#host.progressed({ done: event.done, total: event.total });
      case 'rollout':
        return this.#host.progressed({ what: 'Answers sampled to prompts', done: event.done, total: event.total });
      case 'step':
        this.#host.stepped(id, event.metrics);
        if (this.#runs.state.phase === 'reference') this.#runs.set({ phase: 'training' });
        this.#host.progressed(null);
        return onStep?.(event.metrics);
      case 'checkpoint': {
        const { checkpoint } = event;
        if (checkpoint.step > 0) return this.#keep(id, checkpoint);
        await this.#checkpoints.forgetAfter(id, this.#runs.find(id)!.checkpoints, 0);
        return this.#runs.change(id, { step: 0, checkpoints: [] });
      }
      case 'done':
        return;
      default:
        event satisfies never;
    }
  }

  /** The run stands at this checkpoint from now on. */
  async #keep(id: string, checkpoint: TrainingCheckpoint): Promise<void> {
    const run = this.#runs.find(id)!;
    const best = bestPoint(run)?.step;
    const checkpoints = await this.#checkpoints.keep(run, checkpoint, this.#host.history(id), best);
    this.#runs.change(id, { step: checkpoint.step, checkpoints });
  }

  #planned(id: string, { steps, stepsPerEpoch, parameters, trainingBytes }: TrainPlan): void {
    this.#runs.change(id, { steps, stepsPerEpoch, parameters, trainingBytes });
  }

  async #stopEarly(id: string): Promise<void> {
    const run = this.#runs.find(id)!;
    const best = bestPoint(run)!;
    const last = run.heldOut.at(-1)!;
    // A browser without room may have stored none, or dropped it.
    const back = best.step === 0 || (await this.#checkpoints.get(id, best.step)) !== undefined;
    await this.#host.workWith(id, back ? best.step : last.step);
    const fell = `held-out F1 fell from ${best.f1.toFixed(2)} to ${last.f1.toFixed(2)} while the ${run.reward ? 'reward' : 'margin'} rose`;
    const now = !back
      ? `The checkpoint of step ${best.step}, the best one, is gone from this browser, so the adapter of step ${last.step} stays at work`
      : best.step === 0
        ? 'The model without an adapter was best and is at work'
        : `The adapter of step ${best.step} is at work`;
    this.#runs.change(id, { status: 'stopped', message: `Stopped early at step ${last.step}: ${fell}. ${now}.` });
  }
}
