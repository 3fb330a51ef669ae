import { expect } from '@esm-bundle/chai';
import { attention } from '../../src/kernels/attention/kernel.ts';
import { attentionReference } from '../../src/kernels/attention/reference.ts';
import { attentionFewRows } from '../../src/kernels/attention-few-rows/kernel.ts';
import { attentionFewRowsReference } from '../../src/kernels/attention-few-rows/reference.ts';
import { attentionTiled } from '../../src/kernels/attention-tiled/kernel.ts';
import { attentionTiledReference } from '../../src/kernels/attention-tiled/reference.ts';
import { attentionWorkgroup } from '../../src/kernels/attention-workgroup/kernel.ts';
import { attentionWorkgroupReference } from '../../src/kernels/attention-workgroup/reference.ts';
import { runKernel, testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

/** Two sequences of lengths ⌈n/2⌉ and ⌊n/2⌋, each causal. */
function wholeSequences(rows: number): Uint32Array {
  const split = Math.ceil(rows / 2);
  return Uint32Array.from(Array.from({ length: rows }, (_, row) => [0, 0, row < split ? 0 : split, row + 1]).flat());
}

/** A prompt of `shared` keys that every row sees, then rows of `slot` keys each, partly filled. */
function cached(rows: number, shared: number, slot: number): Uint32Array {
  const spans = Array.from({ length: rows }, (_, row) => {
    const start = shared + row * slot;
    return [0, shared, start, start + 1 + (row % slot)];
  });
  return Uint32Array.from(spans.flat());
}

for (const [kernel, reference] of [
  [attention, attentionReference],
  [attentionFewRows, attentionFewRowsReference],
  [attentionTiled, attentionTiledReference],
  [attentionWorkgroup, attentionWorkgroupReference],
] as const)
  describe(kernel.name, () => {
    testKernel(
      kernel,
      [
        { rows: 1, keys: 1, heads: 1, kvHeads: 1, headDim: 4, spans: wholeSequences(1), scale: 1 },
        { rows: 13, keys: 13, heads: 6, kvHeads: 2, headDim: 16, spans: wholeSequences(13), scale: 1 },
        { rows: 131, keys: 131, heads: 2, kvHeads: 1, headDim: 24, spans: wholeSequences(131), scale: 1 },
        { rows: 3, keys: 65 + 3 * 7, heads: 9, kvHeads: 3, headDim: 64, spans: cached(3, 65, 7), scale: 1 },
        { rows: 2, keys: 3 + 2 * 70, heads: 2, kvHeads: 2, headDim: 128, spans: cached(2, 3, 70), scale: 6 },
      ],
      ({ rows, keys, heads, kvHeads, headDim, spans, scale }, generator) => {
        const q = generator.normals(rows * heads * headDim, scale);
        const k = generator.normals(keys * kvHeads * headDim, scale);
        const v = generator.normals(keys * kvHeads * headDim);
        return {
          tensors: {
            q: { shape: [rows, heads * headDim], data: q },
            k: { shape: [keys, kvHeads * headDim], data: k },
            v: { shape: [keys, kvHeads * headDim], data: v },
            spans: { shape: [rows, 4], data: spans },
            y: { shape: [rows, heads * headDim] },
            lse: { shape: [rows, heads] },
          },
          params: { kv_heads: kvHeads, head_dim: headDim },
          expected: reference(q, k, v, spans, { heads, kvHeads, headDim }),
        };
      },
      // Scores of a few hundred (scale 6) keep 5e-5 of absolute error, which the exponential passes on.
      { atol: 2e-5, rtol: 1e-4 },
    );

    it('gives a row the same bits whatever rows are beside it', async () => {
      const shape = { heads: 2, kvHeads: 1, headDim: 8 };
      const [prompt, other, own] = [5, 3, 6];
      const generator = random(5);
      const draw = (rows: number, width: number) => generator.normals(rows * width);
      const parts = [prompt, other, own].map((rows) => ({ q: draw(rows, 16), k: draw(rows, 8), v: draw(rows, 8) }));
      /** The prompt, then these answers; gives the results of the last answer. */
      const run = async (answers: readonly number[]) => {
        const taken = [0, ...answers];
        const joined = (name: 'q' | 'k' | 'v') => taken.flatMap((part) => [...parts[part]![name]]);
        const spans: number[] = [];
        for (let row = 0; row < prompt; row++) spans.push(0, 0, 0, row + 1);
        for (const part of answers) {
          const start = spans.length / 4;
          const length = part === 1 ? other : own;
          for (let row = start; row < start + length; row++) spans.push(0, prompt, start, row + 1);
        }
        const rows = spans.length / 4;
        const { y, lse } = await runKernel(kernel, {
          tensors: {
            q: { shape: [rows, 16], data: joined('q') },
            k: { shape: [rows, 8], data: joined('k') },
            v: { shape: [rows, 8], data: joined('v') },
            spans: { shape: [rows, 4], data: spans },
            y: { shape: [rows, 16] },
            lse: { shape: [rows, shape.heads] },
          },
          params: { kv_heads: shape.kvHeads, head_dim: shape.headDim },
        });
        return [...y.slice(-own * 16), ...lse.slice(-own * shape.heads)];
      };
      expect(await run([1, 2])).to.deep.equal(await run([2]));
    });

    it('does not see the future: later keys may hold anything', async () => {
      const [rows, headDim] = [5, 8];
      const generator = random(3);
      const q = generator.normals(rows * headDim);
      const k = generator.normals(rows * headDim);
      const v = generator.normals(rows * headDim);
      const run = (poisoned: boolean) => {
        const far = (x: Float32Array) =>
          Float32Array.from(x, (value, i) => (poisoned && i >= 3 * headDim ? 1e30 : value));
        return runKernel(kernel, {
          tensors: {
            q: { shape: [3, headDim], data: q.slice(0, 3 * headDim) },
            k: { shape: [rows, headDim], data: far(k) },
            v: { shape: [rows, headDim], data: far(v) },
            spans: { shape: [3, 4], data: [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3] },
            y: { shape: [3, headDim] },
            lse: { shape: [3, 1] },
          },
          params: { kv_heads: 1, head_dim: headDim },
        });
      };
      expect([...(await run(true)).y]).to.deep.equal([...(await run(false)).y]);
    });
  });
