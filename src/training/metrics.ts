/** A step's numbers from those of its micro-batches. */
import type { StepMetrics } from '../engine/engine.ts';
import type { MicroBatchMetrics, StepMeans } from './families/family.ts';

/**
 * Means over the micro-batches, each with the same weight, as TRL logs them; the pairs one after another, the sampled
 * answers of the first.
 */
export function stepMetrics(batches: readonly MicroBatchMetrics[]): MicroBatchMetrics {
  const names = Object.keys(batches[0].means) as (keyof StepMeans)[];
  const mean = (name: keyof StepMeans) => batches.reduce((sum, { means }) => sum + means[name]!, 0) / batches.length;
  const means = Object.fromEntries(names.map((name) => [name, mean(name)])) as unknown as StepMeans;
  const [{ pairs, completions }] = batches;
  return {
    means,
    ...(pairs && { pairs: batches.flatMap((batch) => batch.pairs!) }),
    ...(completions && { completions }),
  };
}

/** GPU times under the names of the log; none where they could not be measured. */
export function phaseMetrics(times: Readonly<Record<string, number>> | null): Partial<StepMetrics> {
  return Object.fromEntries(Object.entries(times ?? {}).map(([phase, ms]) => [`gpu_ms/${phase}`, ms]));
}
