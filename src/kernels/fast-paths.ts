/**
 * Fast paths and the fixed inputs they are checked on at start-up (see `gpu/self-check.ts`). A new one is one entry.
 */
import type { KernelSpec } from './gpu/declare.ts';
import type { Gpu } from './gpu/gpu.ts';
import { type CheckCase, type FastPath, type SelfCheckResult, selfCheck } from './gpu/self-check.ts';
import { linearFewRows } from './linear-few-rows/kernel.ts';
import { linearFewRowsSubgroups } from './linear-few-rows-subgroups/kernel.ts';
import { packWeights, type WeightFormat } from './shared/weights.ts';

const FORMATS: readonly WeightFormat[] = ['f32', 'f16', 'bf16'];

/** Fixed values in [-1, 1) without a pattern that a wrong lane order would leave unseen. */
function fixed(n: number, seed: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => {
    const bits = Math.imul((i + 1) ^ (seed * 0x9e3779b9), 0x85ebca6b) >>> 0;
    return ((Math.imul(bits ^ (bits >>> 15), 0xc2b2ae35) >>> 8) / 2 ** 24) * 2 - 1;
  });
}

/** A decoder's width for one row, then every tail at once: rows, columns and quads that fill no tile. */
function linearCases(format: WeightFormat): CheckCase[] {
  const sizes: [rows: number, out: number, width: number][] = [
    [1, 64, 576],
    [5, 19, 68],
  ];
  return sizes.map(([rows, out, width]) => {
    const packed = packWeights(format, fixed(out * width, 2));
    return {
      tensors: {
        x: { shape: [rows, width], data: fixed(rows * width, 1) },
        weights: { shape: [out, format === 'f32' ? width : width / 2], data: packed },
        y: { shape: [rows, out] },
      },
    };
  });
}

export const fastPaths: readonly FastPath[] = FORMATS.map((format) => ({
  plain: linearFewRows[format] as KernelSpec,
  fast: linearFewRowsSubgroups[format] as KernelSpec,
  // Two orders of adding 576 products of size below 1.
  tolerance: 1e-5,
  cases: () => linearCases(format),
}));

/** Checks every fast path on this device and switches on those that agree. Once, when the device is new. */
export function checkFastPaths(gpu: Gpu): Promise<readonly SelfCheckResult[]> {
  return selfCheck(gpu, fastPaths);
}
