import { expect } from '@esm-bundle/chai';
import {
  attentionBackwardKey,
  attentionBackwardQuery,
  attentionBackwardStats,
  seenBy,
} from '../../src/kernels/attention/kernel.ts';
import {
  type AttentionShape,
  attentionBackwardReference,
  attentionReference,
} from '../../src/kernels/attention/reference.ts';
import { attentionBackwardKeyTiled, attentionBackwardQueryTiled } from '../../src/kernels/attention-tiled/kernel.ts';
import { attentionBackwardTiledReference } from '../../src/kernels/attention-tiled/reference.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { runKernel } from '../support/kernel-harness.ts';
import { type Random, random } from '../support/random.ts';
import { expectClose } from '../support/tolerance.ts';

/** Two sequences of lengths ⌈n/2⌉ and ⌊n/2⌋, each causal. */
function wholeSequences(rows: number): Uint32Array {
  const split = Math.ceil(rows / 2);
  return Uint32Array.from(Array.from({ length: rows }, (_, row) => [0, 0, row < split ? 0 : split, row + 1]).flat());
}

/** A prompt of `prompt` rows, then answers of `answer` rows each, which see the prompt and themselves. */
function sharedPrompt(rows: number, prompt: number, answer: number): Uint32Array {
  const spans = Array.from({ length: rows }, (_, row) => {
    if (row < prompt) return [0, 0, 0, row + 1];
    return [0, prompt, prompt + Math.floor((row - prompt) / answer) * answer, row + 1];
  });
  return Uint32Array.from(spans.flat());
}

/** Two prompts of 5 rows, each with two answers that fill what is left. */
function twoPrompts(rows: number): Uint32Array {
  const split = Math.ceil(rows / 2);
  const [first, second] = [split, rows - split].map((count) => sharedPrompt(count, 5, Math.ceil((count - 5) / 2)));
  return Uint32Array.from([
    ...first,
    ...second.map((key, i) => (i % 4 < 2 && second[i - (i % 4) + 1] === 0 ? key : key + split)),
  ]);
}

function inputs(rows: number, { heads, kvHeads, headDim }: AttentionShape, generator: Random, scale = 1) {
  const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
  return {
    queryWidth,
    keyWidth,
    q: generator.normals(rows * queryWidth, scale),
    k: generator.normals(rows * keyWidth, scale),
    v: generator.normals(rows * keyWidth),
    dy: generator.normals(rows * queryWidth),
  };
}

/** f32 scores of size s carry 1e-6 · s, which the exponential and dk's sums over many rows pass on. */
const TOLERANCE = { atol: 1e-4, rtol: 1e-4 };

for (const [name, queryKernel, keyKernel, reference] of [
  ['attention-backward', attentionBackwardQuery, attentionBackwardKey, attentionBackwardReference],
  ['attention-backward-tiled', attentionBackwardQueryTiled, attentionBackwardKeyTiled, attentionBackwardTiledReference],
] as const)
  describe(name, () => {
    for (const { rows, spans, scale = 1, ...shape } of [
      { rows: 1, heads: 1, kvHeads: 1, headDim: 4, spans: wholeSequences(1) },
      { rows: 13, heads: 6, kvHeads: 2, headDim: 16, spans: wholeSequences(13) },
      { rows: 65, heads: 2, kvHeads: 1, headDim: 24, spans: sharedPrompt(65, 31, 17) },
      { rows: 11, heads: 9, kvHeads: 3, headDim: 64, spans: sharedPrompt(11, 3, 4), scale: 2 },
      { rows: 9, heads: 2, kvHeads: 2, headDim: 128, spans: wholeSequences(9) },
      // Tiles with rows of two prompts, and of a prompt and its answers.
      { rows: 37, heads: 3, kvHeads: 1, headDim: 36, spans: twoPrompts(37) },
    ]) {
      it(`agrees with its reference at ${JSON.stringify({ rows, ...shape })}`, async () => {
        const { queryWidth, keyWidth, q, k, v, dy } = inputs(rows, shape, random(1), scale);
        const { heads, kvHeads, headDim } = shape;
        const { y, lse } = attentionReference(q, k, v, spans, shape);
        const expected = reference(q, k, v, spans, dy, shape);
        const query = (data: ArrayLike<number>) => ({ shape: [rows, queryWidth], data });
        const key = (data: ArrayLike<number>) => ({ shape: [rows, keyWidth], data });

        const { stats } = await runKernel(attentionBackwardStats, {
          tensors: {
            y: query(y),
            dy: query(dy),
            lse: { shape: [rows, heads], data: lse },
            stats: { shape: [rows, heads, 2] },
          },
          params: { head_dim: headDim },
        });
        const shared = {
          q: query(q),
          k: key(k),
          v: key(v),
          spans: { shape: [rows, 4], data: spans },
          stats: { shape: [rows, heads, 2], data: stats },
          dy: query(dy),
        };
        const params = { kv_heads: kvHeads, head_dim: headDim };
        const { dq } = await runKernel(queryKernel, {
          tensors: { ...shared, dq: { shape: [rows, queryWidth] } },
          params,
        });
        const { d_kv } = await runKernel(keyKernel, {
          tensors: {
            ...shared,
            seen_by: { shape: [rows, 2], data: seenBy(spans, rows) },
            d_kv: { shape: [rows, 2 * keyWidth] },
          },
          params,
        });
        const half = (second: 0 | 1) =>
          Array.from({ length: rows * keyWidth }, (_, i) => {
            return d_kv[(2 * Math.floor(i / keyWidth) + second) * keyWidth + (i % keyWidth)];
          });
        expectClose(dq, expected.dq, TOLERANCE, 'dq');
        expectClose(half(0), expected.dk, TOLERANCE, 'dk');
        expectClose(half(1), expected.dv, TOLERANCE, 'dv');
      });
    }
  });

describe('the gradient of attention', () => {
  it('is the slope of the reference', () => {
    const [rows, shape, spans] = [7, { heads: 4, kvHeads: 2, headDim: 4 }, sharedPrompt(7, 3, 2)];
    const { q, k, v, dy } = inputs(rows, shape, random(3));
    const { dq, dk, dv } = attentionBackwardReference(q, k, v, spans, dy, shape);
    expectGradient(dq, (at) => dot(dy, attentionReference(at, k, v, spans, shape).y), q, 'dq');
    expectGradient(dk, (at) => dot(dy, attentionReference(q, at, v, spans, shape).y), k, 'dk');
    expectGradient(dv, (at) => dot(dy, attentionReference(q, k, at, spans, shape).y), v, 'dv');
  });

  it('knows the rows that see a key', () => {
    const spans = sharedPrompt(6, 2, 2);
    expect([...seenBy(spans, 7)]).to.deep.equal([0, 6, 1, 6, 2, 4, 3, 4, 4, 6, 5, 6, 0, 0]);
  });
});
