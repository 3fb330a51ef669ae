/**
 * The protocol: first every contender alone (memory, values against the float64 reference), then all that were right,
 * warmed up, in interleaved rounds. A sample is a batch of runs long enough for the clock; ratios are taken within a
 * round, so a slow moment of the machine touches both sides.
 */
import type { Contender, Entry } from './contender.ts';
import { peakBytes, resetPeak } from './gpu-bytes.ts';

export interface Effort {
  /** A sample lasts at least this long. */
  readonly sampleMs: number;
  readonly rounds: number;
  /** Rounds end early after this long, but not before three. */
  readonly limitMs: number;
}

export const HARDWARE_EFFORT: Effort = { sampleMs: 50, rounds: 20, limitMs: 30_000 };
export const SOFTWARE_EFFORT: Effort = { sampleMs: 20, rounds: 8, limitMs: 9_000 };

export interface ContenderResult {
  readonly name: string;
  /** `wrong`: its values miss the tolerance, so it is not timed. */
  readonly status: 'ok' | 'wrong' | 'failed';
  /**
   * Largest difference to the reference, relative to max(1, |reference|). The reference is float64; where there is none
   * it is the first contender, which then has no error of its own.
   */
  readonly error?: number;
  /** Median milliseconds of one run. */
  readonly ms?: number;
  /** Time over the first contender's, geometric mean over rounds, with the paired 95 % confidence interval. */
  readonly ratio?: { readonly mean: number; readonly low: number; readonly high: number };
  /** GPU buffers held at the highest point, inputs included. */
  readonly peakBytes?: number;
  readonly largestTokens?: number;
  readonly message?: string;
}

interface Running {
  readonly name: string;
  readonly contender: Contender;
  batch: number;
  readonly samples: number[];
}

/** Measures one case. The first entry is what the others' times are compared with, and values without a reference. */
export async function measure(
  entries: readonly Entry[],
  reference: ArrayLike<number> | undefined,
  tolerance: number,
  effort: Effort,
): Promise<ContenderResult[]> {
  const results = new Map<string, ContenderResult>();
  const running: Running[] = [];
  let expected = reference;
  for (const { name, settle, build } of entries) {
    try {
      settle?.();
      const before = resetPeak();
      const contender = await build();
      await contender.run();
      await contender.sync();
      const bytes = peakBytes() - before;
      const values = await contender.result();
      const error = expected && maxError(values, expected);
      expected ??= values;
      const ok = error === undefined || error <= tolerance;
      const { largestTokens } = contender;
      results.set(name, { name, status: ok ? 'ok' : 'wrong', error, peakBytes: bytes, largestTokens });
      if (ok) running.push({ name, contender, batch: 1, samples: [] });
      else await contender.dispose();
    } catch (error) {
      results.set(name, { name, status: 'failed', message: (error as Error).message.split('\n')[0] });
    }
  }
  await time(running, effort);
  const baseline = running.find((each) => each.name === entries[0]!.name);
  for (const each of running) {
    const ratio = baseline && each !== baseline ? pairedRatio(each.samples, baseline.samples) : undefined;
    results.set(each.name, { ...results.get(each.name)!, ms: median(each.samples), ratio });
    await each.contender.dispose();
  }
  return [...results.values()];
}

async function sample({ contender, batch }: Running): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < batch; i++) await contender.run();
  await contender.sync();
  return (performance.now() - start) / batch;
}

/** Milliseconds of one sample, the shorter of two where it is not long beyond doubt. */
async function sampleLength(each: Running, { sampleMs }: Effort): Promise<number> {
  const length = (await sample(each)) * each.batch;
  return length > 10 * sampleMs ? length : Math.min(length, (await sample(each)) * each.batch);
}

async function time(running: readonly Running[], effort: Effort): Promise<void> {
  for (const each of running) {
    await sample(each);
    // Doubling finds the batch without trusting one sample: the machine may have been away for the whole of it.
    while (each.batch < 4096 && (await sampleLength(each, effort)) < effort.sampleMs) each.batch *= 2;
  }
  const start = performance.now();
  for (let round = 0; round < effort.rounds; round++) {
    if (round >= 3 && performance.now() - start > effort.limitMs) break;
    // The order turns, so that nobody always runs after the same neighbour.
    for (let i = 0; i < running.length; i++) {
      const each = running[(i + round) % running.length]!;
      each.samples.push(await sample(each));
    }
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Two-sided 95 % quantiles of Student's t for 2 to 19 degrees of freedom. */
const T95 = [
  4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101,
  2.093,
];

function pairedRatio(samples: readonly number[], baseline: readonly number[]) {
  const logs = samples.map((ms, i) => Math.log(ms / baseline[i]!));
  const n = logs.length;
  const mean = logs.reduce((sum, value) => sum + value, 0) / n;
  const variance = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = T95[Math.min(n - 3, T95.length - 1)]! * Math.sqrt(variance / n);
  return { mean: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

function maxError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}
