/** Runs of tokens: sums over each, and a gradient per run handed back to its tokens. */
import type { Gpu, KernelSpec, Scope, Tensor } from '../../kernels/gpu/index.ts';
import { SUM_COLUMNS, sequenceReduce, sequenceReduceBackward } from '../../kernels/sequence-reduce/kernel.ts';

/** Tokens first .. end - 1 of a flat tensor of tokens. */
export interface TokenRun {
  readonly first: number;
  readonly end: number;
}

export interface RunSums {
  /** f32 [runs, SUM_COLUMNS]. */
  readonly sums: Tensor;
  /** u32 [runs, longest]: 1 where a run has a token. */
  readonly mask: Tensor;
}

export const tokenRunKernels: readonly KernelSpec[] = [sequenceReduce, sequenceReduceBackward];

/** Every sequence as one run. */
export const wholeSequences = (starts: readonly number[]): TokenRun[] =>
  starts.slice(1).map((end, s) => ({ first: starts[s], end }));

/**
 * Records sums and log-ratios of every run.
 * @param policy f32 [tokens], and `reference` beside it, token by token.
 */
export function sumRuns(
  gpu: Gpu,
  scope: Scope,
  runs: readonly TokenRun[],
  { policy, reference }: { readonly policy: Tensor; readonly reference: Tensor },
): RunSums {
  const longest = Math.max(...runs.map(({ first, end }) => end - first));
  const shape = [runs.length, longest];
  const padded = (tokens: Tensor, label: string): Tensor => {
    const rows = scope.tensor('f32', shape, label);
    runs.forEach(({ first, end }, r) => {
      gpu.copy(tokens, rows, { fromIndex: first, toIndex: r * longest, count: end - first });
    });
    return rows;
  };
  const flags = new Uint32Array(runs.length * longest);
  runs.forEach(({ first, end }, r) => {
    flags.fill(1, r * longest, r * longest + end - first);
  });
  const mask = scope.upload('u32', shape, flags, 'run mask');
  const sums = scope.tensor('f32', [runs.length, SUM_COLUMNS.length], 'run sums');
  const tensors = { policy: padded(policy, 'policy runs'), reference: padded(reference, 'reference runs') };
  gpu.run(sequenceReduce, { ...tensors, mask, sums });
  return { sums, mask };
}

/**
 * Records d(loss) / d(logps), f32 [tokens]: 0 for tokens outside every run. Runs must not overlap.
 * @param dRuns f32 [runs]: d(loss) / d(sum of a run).
 */
export function spreadOverTokens(
  gpu: Gpu,
  scope: Scope,
  runs: readonly TokenRun[],
  { mask, dRuns, tokens }: { readonly mask: Tensor; readonly dRuns: Tensor; readonly tokens: number },
): Tensor {
  const d_policy = scope.tensor('f32', mask.shape, 'd runs');
  gpu.run(sequenceReduceBackward, { d_log_ratio: dRuns, mask, d_policy });
  const dLogps = scope.zeros('f32', [tokens], 'd logps');
  runs.forEach(({ first, end }, r) => {
    gpu.copy(d_policy, dLogps, { fromIndex: r * mask.cols, toIndex: first, count: end - first });
  });
  return dLogps;
}

/** One column of sums that were read back. */
export function columnOf(sums: Float32Array, column: (typeof SUM_COLUMNS)[number]): Float32Array {
  const at = SUM_COLUMNS.indexOf(column);
  return Float32Array.from({ length: sums.length / SUM_COLUMNS.length }, (_, r) => sums[r * SUM_COLUMNS.length + at]);
}
