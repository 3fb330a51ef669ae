import { expect } from '@esm-bundle/chai';
import { rope, ropeAngles } from '../../src/kernels/rope/kernel.ts';
import { ropeReference } from '../../src/kernels/rope/reference.ts';
import { testKernel } from '../support/kernel-harness.ts';

/** Columns [from, from + width) of rows of `all` columns. */
function columns(x: Float32Array, all: number, from: number, width: number): Float32Array {
  const rows = x.length / all;
  return Float32Array.from({ length: rows * width }, (_, i) => x[Math.floor(i / width) * all + from + (i % width)]);
}

describe('rope', () => {
  testKernel(
    rope,
    [
      { rows: 1, heads: 1, kvHeads: 1, headDim: 2, keys: 1, theta: 10_000 },
      { rows: 7, heads: 6, kvHeads: 2, headDim: 16, keys: 7, theta: 10_000 },
      { rows: 5, heads: 9, kvHeads: 3, headDim: 64, keys: 65, theta: 100_000 },
    ],
    ({ rows, heads, kvHeads, headDim, keys, theta }, random) => {
      const positions = 8192;
      const width = (heads + 2 * kvHeads) * headDim;
      const keyWidth = kvHeads * headDim;
      const qkv = random.normals(rows * width);
      const position = random.ints(rows, positions);
      // Distinct rows of the cache, last to first.
      const keyRow = Uint32Array.from({ length: rows }, (_, i) => keys - 1 - i);
      const cache = random.normals(keys * keyWidth);
      const q = ropeReference(columns(qkv, width, 0, heads * headDim), position, headDim, theta);
      const turned = ropeReference(columns(qkv, width, heads * headDim, keyWidth), position, headDim, theta);
      const moved = columns(qkv, width, heads * headDim + keyWidth, keyWidth);
      const k = Float64Array.from(cache);
      const v = Float64Array.from(cache);
      for (let row = 0; row < rows; row++) {
        k.set(turned.subarray(row * keyWidth, (row + 1) * keyWidth), keyRow[row] * keyWidth);
        v.set(moved.subarray(row * keyWidth, (row + 1) * keyWidth), keyRow[row] * keyWidth);
      }
      return {
        tensors: {
          qkv: { shape: [rows, width], data: qkv },
          angles: { shape: [positions, headDim / 2, 2], data: ropeAngles(positions, headDim, theta) },
          position: { shape: [rows], data: position },
          key_row: { shape: [rows], data: keyRow },
          q: { shape: [rows, heads * headDim] },
          k: { shape: [keys, keyWidth], data: cache },
          v: { shape: [keys, keyWidth], data: cache },
        },
        params: { heads, kv_heads: kvHeads, head_dim: headDim },
        expected: { q, k, v },
      };
    },
  );

  it('turns nothing at position 0 and by one radian per position in the first pair', () => {
    const table = ropeAngles(3, 8, 10_000);
    expect([...table.slice(0, 8)]).to.deep.equal([1, 0, 1, 0, 1, 0, 1, 0]);
    expect(table[16]).to.be.closeTo(Math.cos(2), 1e-7);
    expect(table[17]).to.be.closeTo(Math.sin(2), 1e-7);
  });
});
