/**
 * The start-up self-check. A fast path is a kernel with the bindings, parameters and dispatch of a plain one that leans
 * on something a driver may get wrong (subgroup layout, f16 storage, a larger tile). Each is compared with its plain
 * kernel on the user's own device, on fixed inputs; where both agree the launcher runs it in the plain one's place.
 */
import type { DeviceFacts } from '../../engine/engine.ts';
import type { KernelSpec } from './declare.ts';
import type { Gpu } from './gpu.ts';
import type { Scope } from './scope.ts';
import type { Tensor, TensorData } from './tensor.ts';

/** One dispatch both kernels are given. Bindings without data start as zeros. */
export interface CheckCase {
  readonly tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly data?: TensorData }>>;
  readonly params?: Readonly<Record<string, number>>;
  readonly constants?: Readonly<Record<string, number>>;
}

export interface FastPath {
  readonly plain: KernelSpec;
  readonly fast: KernelSpec;
  /** Largest accepted `|fast - plain| / max(1, |plain|)` over everything written. */
  readonly tolerance: number;
  /** Built when the check runs. Cover a size the kernel is used at, and one past its tile. */
  readonly cases: () => readonly CheckCase[];
  /** Whether the fast kernel pays on this device, where that is known without measuring; absent: always. Else unchecked. */
  readonly worthwhile?: (facts: DeviceFacts) => boolean;
}

export type SelfCheckResult = DeviceFacts['selfCheck'][number];

/**
 * Checks every fast path that pays on this device and whose features it has, lets the launcher use those that agree, and
 * leaves the results in `gpu.facts.selfCheck`. A kernel that does not compile or run counts as a disagreement; only
 * device loss throws.
 */
export async function selfCheck(gpu: Gpu, paths: readonly FastPath[]): Promise<readonly SelfCheckResult[]> {
  const results: SelfCheckResult[] = [];
  for (const path of paths) {
    if ((path.fast.features ?? []).some((feature) => !gpu.device.features.has(feature))) continue;
    if (path.worthwhile && !path.worthwhile(gpu.facts)) continue;
    const maxError = await disagreement(gpu, path);
    const ok = maxError <= path.tolerance;
    results.push({ name: path.fast.name, ok, maxError });
    if (ok) gpu.substitute(path.plain, path.fast);
  }
  gpu.setSelfCheck(results);
  return results;
}

/** Largest relative difference over all cases; infinite when the fast kernel fails or yields NaN. */
async function disagreement(gpu: Gpu, path: FastPath): Promise<number> {
  let worst = 0;
  for (const checkCase of path.cases()) {
    const scope = gpu.scope(`self-check ${path.fast.name}`);
    try {
      const expected = await outputs(gpu, scope, path.plain, checkCase);
      const actual = await outputs(gpu, scope, path.fast, checkCase);
      actual.forEach((values, i) => {
        worst = Math.max(worst, largestError(values, expected[i]!));
      });
    } catch (error) {
      if ((error as Error).name === 'DeviceLostError') throw error;
      console.warn(`${path.fast.name} is switched off: ${(error as Error).message}`);
      return Number.POSITIVE_INFINITY;
    } finally {
      scope.dispose();
    }
  }
  return worst;
}

async function outputs(gpu: Gpu, scope: Scope, kernel: KernelSpec, { tensors, params, constants }: CheckCase) {
  const bound: Record<string, Tensor> = {};
  for (const [name, { dtype }] of Object.entries(kernel.bindings)) {
    const { shape, data } = tensors[name]!;
    bound[name] = data ? scope.upload(dtype, shape, data, name) : scope.zeros(dtype, shape, name);
  }
  const item = [kernel, constants ?? {}] as const;
  await gpu.prepare([item]);
  gpu.run(kernel, bound, params, constants);
  const written = Object.entries(kernel.bindings).filter(([, { access }]) => access !== 'read');
  return gpu.readAll(written.map(([name]) => bound[name]!));
}

function largestError(actual: TensorData, expected: TensorData): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    // A NaN compares false with everything; it must not pass for agreement.
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}
