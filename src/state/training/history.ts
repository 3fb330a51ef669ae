/** What is remembered of a run beside its record, too much and too often changed for the state. */
import type { StepCompletions, StepMetrics } from '../../engine/engine.ts';
import { MetricsLog } from './metrics.ts';
import type { PromptRecord } from './prompts.ts';
import { PairTracks } from './tracks.ts';

/** What a step sampled to one of its prompts. */
export interface Tried {
  readonly prompt: PromptRecord;
  readonly answers: StepCompletions['answers'];
}

export class RunHistory {
  /** Where the run samples answers: its prompts, and what the newest step sampled to one. Of this visit only. */
  prompts: readonly PromptRecord[] = [];
  completions: StepCompletions | undefined;

  constructor(
    /** One row per step. */
    readonly log = new MetricsLog(),
    /** One track per pair. */
    readonly tracks = new PairTracks(),
  ) {}

  get tried(): Tried | undefined {
    const { completions, prompts } = this;
    return completions && { prompt: prompts[completions.index], answers: completions.answers };
  }

  append(metrics: StepMetrics): void {
    this.log.append(metrics);
    this.completions = metrics.completions;
    if (metrics.pairs) this.tracks.append(metrics.step, metrics.pairs);
  }

  /** Forgets what came after `step`: the run goes on from there. */
  truncate(step: number): void {
    if (this.log.step > step) this.completions = undefined;
    this.log.truncate(step);
    this.tracks.truncate(step);
  }
}

/** The histories of all runs; an unknown one is empty. */
export class RunHistories {
  #all = new Map<string, RunHistory>();

  of(run: string): RunHistory {
    const history = this.#all.get(run) ?? new RunHistory();
    this.#all.set(run, history);
    return history;
  }

  set(run: string, history: RunHistory): void {
    this.#all.set(run, history);
  }

  keepOnly(runs: readonly string[]): void {
    for (const run of this.#all.keys()) if (!runs.includes(run)) this.#all.delete(run);
  }
}
