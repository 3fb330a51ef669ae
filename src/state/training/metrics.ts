/** The log of a run: one typed column per metric, appended to at every step and kept outside the state. */
import type { StepMetrics } from '../../engine/engine.ts';

export const METRICS = [
  'step',
  'epoch',
  'learning_rate',
  'loss',
  'rewards/chosen',
  'rewards/rejected',
  'rewards/margins',
  'rewards/accuracies',
  'logps/chosen',
  'logps/rejected',
  'log_ratios/chosen',
  'log_ratios/rejected',
  'reward',
  'reward_std',
  'frac_reward_zero_std',
  'kl',
  'entropy',
  'completions/mean_length',
  'completions/clipped_ratio',
  'grad_norm',
  'num_tokens',
  'tokens_per_second',
  'seconds',
  'gpu_ms/reference',
  'gpu_ms/rollout',
  'gpu_ms/forward',
  'gpu_ms/loss',
  'gpu_ms/backward',
  'gpu_ms/optimizer',
] as const satisfies readonly (keyof StepMetrics)[];

export type Metric = (typeof METRICS)[number];

/** A log as plain data for the browser's storage. */
export type MetricsSnapshot = { readonly [M in Metric]: Float64Array };

const FIRST_CAPACITY = 64;

export class MetricsLog {
  #columns: Record<Metric, Float64Array>;
  #length = 0;

  constructor(snapshot?: MetricsSnapshot) {
    // A log written before a metric was known has no column for it.
    const unknown = new Float64Array(Math.max(FIRST_CAPACITY, snapshot?.step.length ?? 0)).fill(Number.NaN);
    const columns = METRICS.map((name) => [name, Float64Array.from(snapshot?.[name] ?? unknown)]);
    this.#columns = Object.fromEntries(columns);
    this.#length = snapshot?.step.length ?? 0;
  }

  /** Steps logged. */
  get length(): number {
    return this.#length;
  }

  /** The last step's number; 0 before the first. */
  get step(): number {
    return this.last('step') ?? 0;
  }

  /** The values so far, one per logged step; NaN where the objective has no such number. A view: do not write. */
  column(name: Metric): Float64Array {
    return this.#columns[name].subarray(0, this.#length);
  }

  /** The newest value. */
  last(name: Metric): number | undefined {
    return this.#length > 0 ? this.#columns[name][this.#length - 1] : undefined;
  }

  append(metrics: StepMetrics): void {
    if (this.#length === this.#columns.step.length) this.#grow();
    for (const name of METRICS) this.#columns[name][this.#length] = metrics[name] ?? Number.NaN;
    this.#length += 1;
  }

  /** Forgets what came after `step`: the run goes on from there. */
  truncate(step: number): void {
    while (this.#length > 0 && this.#columns.step[this.#length - 1] > step) this.#length -= 1;
  }

  snapshot(): MetricsSnapshot {
    return Object.fromEntries(METRICS.map((name) => [name, this.column(name).slice()])) as MetricsSnapshot;
  }

  #grow(): void {
    for (const name of METRICS) {
      const wider = new Float64Array(Math.max(FIRST_CAPACITY, 2 * this.#length));
      wider.set(this.column(name));
      this.#columns[name] = wider;
    }
  }
}
