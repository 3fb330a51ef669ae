/** What is remembered of a run beside its record, too much and too often changed for the state. */
import type { StepMetrics } from '../../engine/engine.ts';
import { MetricsLog } from './metrics.ts';
import { PairTracks } from './tracks.ts';

export class RunHistory {
  constructor(
    /** One row per step. */
    readonly log = new MetricsLog(),
    /** One track per pair. */
    readonly tracks = new PairTracks(),
  ) {}

  append(metrics: StepMetrics): void {
    this.log.append(metrics);
    if (metrics.pairs) this.tracks.append(metrics.step, metrics.pairs);
  }

  /** Forgets what came after `step`: the run goes on from there. */
  truncate(step: number): void {
    this.log.truncate(step);
    this.tracks.truncate(step);
  }
}
