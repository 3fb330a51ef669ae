/** A step's numbers from those of its micro-batches. */
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
