/** One run under way: segments of training with examinations between them, because the engine does one thing at a time. */
import type { Engine, StepMetrics, TrainEvent, TrainingPair } from '../../engine/engine.ts';
import { CancelledError, InputError } from '../../errors.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Examiner } from './examiner.ts';
import type { RunHistory } from './history.ts';
import { bestPoint, overOptimisation } from './judge.ts';
import type { RunRecords } from './records.ts';
import { configOf } from './settings.ts';

export interface Drive {
  readonly pairs: readonly TrainingPair[];
  /** Optimiser steps before the run pauses by itself. */
  readonly steps?: number;
  readonly onStep?: (metrics: StepMetrics) => void;
  readonly signal: AbortSignal;
}

/** What the driver tells and asks of who owns it. */
export interface DriverHost {
  history(run: string): RunHistory;
  stepped(run: string, metrics: StepMetrics): void;
  progressed(progress: { readonly done: number; readonly total: number } | null): void;
  /** Puts the adapter of a run's step to work. */
  workWith(run: string, step: number): Promise<void>;
  failed(error: unknown, before: string): void;
}

export class Driver {
  #engine: Pick<Engine, 'train'>;
  #runs: RunRecords;
  #checkpoints: Checkpoints;
  #examiner: Examiner;
  #host: DriverHost;
  #examination: AbortController | null = null;

  constructor(
    engine: Pick<Engine, 'train'>,
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

  /** Goes on with the run, each segment up to the next examination, until it is done or has been told to stop. */
  async drive(id: string, { pairs, steps, onStep, signal }: Drive): Promise<void> {
    const { objective, hyperparameters, settings, step: first } = this.#runs.find(id)!;
    const until = steps ? first + steps : Number.POSITIVE_INFINITY;
    const every = settings.eval_scenes > 0 ? settings.eval_steps : 0;
    const { config, lora } = configOf(settings);
    for (let finished = false; !finished; ) {
      const { step } = this.#runs.find(id)!;
      const resume = step > 0 ? await this.#checkpoints.get(id, step) : undefined;
      if (step > 0 && !resume) throw new InputError(`The checkpoint of step ${step} is gone. Press Reset, then Train.`);
      const stop = Math.min(until, every > 0 ? (Math.floor(step / every) + 1) * every : Number.POSITIVE_INFINITY);
      const stopAfter = Number.isFinite(stop) ? stop - step : undefined;
      const request = { pairs, objective, hyperparameters, config, lora, resume, stopAfter };
      for await (const event of this.#engine.train(request, { signal })) {
        if (event.type === 'done') finished = event.reason === 'finished';
        await this.#heard(id, event, onStep);
      }
      const now = this.#runs.find(id)!.step;
      if (finished) {
        this.#runs.change(id, { status: 'finished' });
        this.#runs.atWork(id, now);
      } else if (now >= until) {
        return this.#runs.change(id, { status: 'paused' });
      }
      if (settings.eval_scenes === 0) continue;
      await this.examine(id, signal);
      if (settings.early_stopping && overOptimisation(this.#runs.find(id)!)) return this.#stopEarly(id);
    }
  }

  /** Examines the policy. What fails costs a point on the curve, never the run. */
  async examine(id: string, signal: AbortSignal): Promise<void> {
    const { phase } = this.#runs.state;
    this.#examination = new AbortController();
    this.#runs.set({ phase: 'evaluating' });
    try {
      const heldOut = await this.#examiner.examine(this.#runs.find(id)!, this.#host.history(id).log, {
        signal: AbortSignal.any([signal, this.#examination.signal]),
        onProgress: (done, total) => this.#host.progressed({ done, total }),
      });
      this.#runs.change(id, { heldOut });
    } catch (error) {
      if (signal.aborted) throw error;
      if (!(error instanceof CancelledError)) this.#host.failed(error, 'The held-out examination stopped: ');
    } finally {
      this.#examination = null;
      this.#host.progressed(null);
      if (!signal.aborted) this.#runs.set({ phase });
    }
  }

  /** Leaves out the examination under way; the run goes on. */
  skipExamination(): void {
    this.#examination?.abort();
  }

  async #heard(id: string, event: TrainEvent, onStep: Drive['onStep']): Promise<void> {
    switch (event.type) {
      case 'plan': {
        const { steps, stepsPerEpoch, parameters, trainingBytes } = event.plan;
        return this.#runs.change(id, { steps, stepsPerEpoch, parameters, trainingBytes });
      }
      case 'reference':
      case 'rollout':
        return this.#host.progressed({ done: event.done, total: event.total });
      case 'step':
        this.#host.stepped(id, event.metrics);
        if (this.#runs.state.phase === 'reference') this.#runs.set({ phase: 'training' });
        this.#host.progressed(null);
        return onStep?.(event.metrics);
      case 'checkpoint': {
        const { checkpoint } = event;
        if (checkpoint.step === 0) return this.#runs.change(id, { step: 0, checkpoints: [] });
        const { checkpoints: known } = this.#runs.find(id)!;
        const checkpoints = await this.#checkpoints.keep(id, known, checkpoint, this.#host.history(id));
        return this.#runs.change(id, { step: checkpoint.step, checkpoints });
      }
      case 'done':
        return;
      default:
        event satisfies never;
    }
  }

  async #stopEarly(id: string): Promise<void> {
    const { heldOut, checkpoints } = this.#runs.find(id)!;
    const best = bestPoint(heldOut)!;
    const last = heldOut.at(-1)!;
    const back = best.step === 0 || checkpoints.includes(best.step);
    await this.#host.workWith(id, back ? best.step : last.step);
    const fell = `held-out F1 fell from ${best.f1.toFixed(2)} to ${last.f1.toFixed(2)} while the margin rose`;
    const now = back ? ` The adapter of step ${best.step} is at work.` : '';
    this.#runs.change(id, { status: 'stopped', message: `Stopped early at step ${last.step}: ${fell}.${now}` });
  }
}
