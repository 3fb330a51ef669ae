/**
 * Fast paths and the fixed inputs they are checked on at start-up (see `gpu/self-check.ts`). A new one is one entry.
 */
import type { DeviceFacts } from '../engine/engine.ts';
import { attention, attentionBackwardKey, attentionBackwardQuery, seenBy } from './attention/kernel.ts';
import { attentionFewRows } from './attention-few-rows/kernel.ts';
import { attentionBackwardKeyTiled, attentionBackwardQueryTiled, attentionTiled } from './attention-tiled/kernel.ts';
import { attentionWorkgroup } from './attention-workgroup/kernel.ts';
import type { KernelSpec } from './gpu/declare.ts';
import type { Gpu } from './gpu/gpu.ts';
import { type CheckCase, type FastPath, type SelfCheckResult, selfCheck } from './gpu/self-check.ts';
import {
  headLogprobBackward,
  headLogprobBackwardTiled,
  headLogprobCombine,
  headLogprobCombineWorkgroup,
  headLogprobTiles,
  headLogprobTilesTiled,
  headParts,
} from './head-logprob/kernel.ts';
import { linear, linearBackward, linearBackwardTiled, linearTiled } from './linear/kernel.ts';
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

type LinearSize = [rows: number, out: number, width: number];

/** A decoder's width for one row, then every tail at once: rows, columns and quads that fill no tile. */
const FEW_ROWS: LinearSize[] = [
  [1, 64, 576],
  [5, 19, 68],
];

/** One full tile, then every tail at once. */
const MANY_ROWS: LinearSize[] = [
  [32, 32, 64],
  [33, 35, 68],
];

function linearCases(format: WeightFormat, sizes: LinearSize[]): CheckCase[] {
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

/** As `linearCases`, with a part of W's rows whose end lies past the last: there dy is 0. */
function linearBackwardCases(format: WeightFormat): CheckCase[] {
  return [
    [32, 64, 32, 64, 0],
    [33, 36, 68, 50, 16],
  ].map(([rows, out, width, weightRows, first]) => {
    const dy = fixed(rows * out, 1).map((value, i) => (first + (i % out) < weightRows ? value : 0));
    return {
      tensors: {
        dy: { shape: [rows, out], data: dy },
        weights: {
          shape: [weightRows, format === 'f32' ? width : width / 2],
          data: packWeights(format, fixed(weightRows * width, 2)),
        },
        dx: { shape: [rows, width] },
      },
      params: { first },
    };
  });
}

/** A slab that ends past the vocabulary. Log-probabilities need not be those of x: any number tells two kernels apart. */
function headBackwardCases(format: WeightFormat): CheckCase[] {
  const [tokens, vocab, width, slab, first] = [33, 131, 68, 68, 64];
  const packed = packWeights(format, fixed(vocab * width, 2));
  return [
    {
      tensors: {
        x: { shape: [tokens, width], data: fixed(tokens * width, 1) },
        weights: { shape: [vocab, format === 'f32' ? width : width / 2], data: packed },
        targets: { shape: [tokens], data: Uint32Array.from({ length: tokens }, (_, token) => (token * 4) % vocab) },
        target_logits: { shape: [tokens], data: fixed(tokens, 3) },
        logps: { shape: [tokens], data: fixed(tokens, 4).map((value) => value - 3) },
        d_logps: { shape: [tokens], data: fixed(tokens, 5) },
        d_logits: { shape: [tokens, slab] },
      },
      params: { first },
    },
  ];
}

/** More tokens than a tile, more entries than a chunk, and a width that fills no step. */
function headCases(format: WeightFormat): CheckCase[] {
  const [tokens, vocab, width] = [33, 131, 68];
  const packed = packWeights(format, fixed(vocab * width, 2));
  const targets = Uint32Array.from({ length: tokens }, (_, token) => (token * 4) % vocab);
  return [
    {
      tensors: {
        x: { shape: [tokens, width], data: fixed(tokens * width, 1) },
        weights: { shape: [vocab, format === 'f32' ? width : width / 2], data: packed },
        targets: { shape: [tokens], data: targets },
        partials: { shape: [headParts(vocab), tokens, 4] },
        partial_top: { shape: [headParts(vocab), tokens] },
        target_logits: { shape: [tokens] },
      },
    },
  ];
}

/** More parts than threads, and fewer; a part without entries; logits that are far apart. */
function headCombineCases(): CheckCase[] {
  return [130, 7].map((parts) => {
    const tokens = 3;
    const states = fixed(parts * tokens * 4, 1).map((value, i) => {
      const [highest, sum] = [20 * value, 1 + Math.abs(value)];
      return [highest, sum, -Math.abs(value), sum / 2][i % 4]!;
    });
    states.set([-1e30, 0, 0, 0], 4 * tokens);
    const row = { shape: [tokens] };
    return {
      tensors: {
        partials: { shape: [parts, tokens, 4], data: states },
        partial_top: { shape: [parts, tokens], data: Uint32Array.from({ length: parts * tokens }, (_, i) => i) },
        target_logits: { shape: [tokens], data: fixed(tokens, 2) },
        ...{ logps: row, entropy: row, top1: row, top_id: row, log_collision: row },
      },
    };
  });
}

/** A long cache behind one row and a short one behind another, in heads that share keys. */
function attentionFewRowsCases(): CheckCase[] {
  const [rows, keys, heads, kvHeads, headDim] = [2, 150, 4, 2, 24];
  return [
    {
      tensors: {
        q: { shape: [rows, heads * headDim], data: fixed(rows * heads * headDim, 1) },
        k: { shape: [keys, kvHeads * headDim], data: fixed(keys * kvHeads * headDim, 2) },
        v: { shape: [keys, kvHeads * headDim], data: fixed(keys * kvHeads * headDim, 3) },
        spans: { shape: [rows, 4], data: Uint32Array.of(0, 70, 71, 150, 3, 7, 7, 8) },
        y: { shape: [rows, heads * headDim] },
        lse: { shape: [rows, heads] },
      },
      params: { kv_heads: kvHeads, head_dim: headDim },
    },
  ];
}

/** A prompt of 13 rows and two answers of 9, in tiles of 16 that hold rows of two of them; a head that fills no step. */
function attentionCases(): CheckCase[] {
  const [rows, heads, kvHeads, headDim] = [31, 4, 2, 36];
  const spans = Uint32Array.from({ length: rows * 4 }, (_, i) => {
    const [row, column] = [i >> 2, i % 4];
    const start = row < 13 ? 0 : row < 22 ? 13 : 22;
    return [0, row < 13 ? 0 : 13, start, row + 1][column];
  });
  const [width, keyWidth] = [heads * headDim, kvHeads * headDim];
  return [
    {
      tensors: {
        q: { shape: [rows, width], data: fixed(rows * width, 1) },
        k: { shape: [rows, keyWidth], data: fixed(rows * keyWidth, 2) },
        v: { shape: [rows, keyWidth], data: fixed(rows * keyWidth, 3) },
        spans: { shape: [rows, 4], data: spans },
        seen_by: { shape: [rows, 2], data: seenBy(spans, rows) },
        // A log-sum-exp above every score, as any is, and any mean.
        stats: { shape: [rows, heads, 2], data: fixed(rows * heads * 2, 4).map((x, i) => (i % 2 ? x : x + 4)) },
        dy: { shape: [rows, width], data: fixed(rows * width, 5) },
        y: { shape: [rows, width] },
        lse: { shape: [rows, heads] },
        dq: { shape: [rows, width] },
        d_kv: { shape: [rows, 2 * keyWidth] },
      },
      params: { kv_heads: kvHeads, head_dim: headDim },
    },
  ];
}

/** Sharing between threads pays on a GPU; a renderer on the CPU has its cache anyway, and pays for every barrier. */
const onGpu = (facts: DeviceFacts) => !facts.isFallback;

const weightPaths: readonly FastPath[] = FORMATS.flatMap((format) => [
  {
    plain: linearFewRows[format] as KernelSpec,
    fast: linearFewRowsSubgroups[format] as KernelSpec,
    // Two orders of adding 576 products of size below 1.
    tolerance: 1e-5,
    cases: () => linearCases(format, FEW_ROWS),
    worthwhile: onGpu,
  },
  {
    plain: linear[format] as KernelSpec,
    fast: linearTiled[format] as KernelSpec,
    tolerance: 1e-5,
    cases: () => linearCases(format, MANY_ROWS),
    worthwhile: onGpu,
  },
  {
    plain: headLogprobTiles[format] as KernelSpec,
    fast: headLogprobTilesTiled[format] as KernelSpec,
    tolerance: 1e-5,
    cases: () => headCases(format),
    worthwhile: onGpu,
  },
  {
    plain: linearBackward[format] as KernelSpec,
    fast: linearBackwardTiled[format] as KernelSpec,
    tolerance: 1e-5,
    cases: () => linearBackwardCases(format),
    worthwhile: onGpu,
  },
  {
    plain: headLogprobBackward[format] as KernelSpec,
    fast: headLogprobBackwardTiled[format] as KernelSpec,
    tolerance: 1e-5,
    cases: () => headBackwardCases(format),
    worthwhile: onGpu,
  },
]);

export const fastPaths: readonly FastPath[] = [
  ...weightPaths,
  {
    plain: headLogprobCombine as KernelSpec,
    fast: headLogprobCombineWorkgroup as KernelSpec,
    tolerance: 1e-5,
    cases: headCombineCases,
    worthwhile: onGpu,
  },
  {
    plain: attentionFewRows as KernelSpec,
    fast: attentionWorkgroup as KernelSpec,
    tolerance: 1e-5,
    cases: attentionFewRowsCases,
    worthwhile: onGpu,
  },
  {
    plain: attention as KernelSpec,
    fast: attentionTiled as KernelSpec,
    tolerance: 1e-5,
    cases: attentionCases,
    worthwhile: onGpu,
  },
  {
    plain: attentionBackwardQuery as KernelSpec,
    fast: attentionBackwardQueryTiled as KernelSpec,
    tolerance: 1e-5,
    cases: attentionCases,
    worthwhile: onGpu,
  },
  {
    plain: attentionBackwardKey as KernelSpec,
    fast: attentionBackwardKeyTiled as KernelSpec,
    tolerance: 1e-5,
    cases: attentionCases,
    worthwhile: onGpu,
  },
];

/** Checks every fast path on this device and switches on those that agree. Once, when the device is new. */
export function checkFastPaths(gpu: Gpu): Promise<readonly SelfCheckResult[]> {
  return selfCheck(gpu, fastPaths);
}
