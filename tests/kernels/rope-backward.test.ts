import { ropeAngles, ropeBackward } from '../../src/kernels/rope/kernel.ts';
import { ropeBackwardReference, ropeReference } from '../../src/kernels/rope/reference.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

describe('rope-backward', () => {
  testKernel(
    ropeBackward,
    [
      { rows: 1, heads: 1, kvHeads: 1, headDim: 2, keys: 1, theta: 10_000 },
      { rows: 7, heads: 6, kvHeads: 2, headDim: 16, keys: 7, theta: 10_000 },
      { rows: 5, heads: 9, kvHeads: 3, headDim: 64, keys: 65, theta: 100_000 },
    ],
    ({ rows, heads, kvHeads, headDim, keys, theta }, generator) => {
      const positions = 512;
      const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
      const dq = generator.normals(rows * queryWidth);
      const dKv = generator.normals(keys * 2 * keyWidth);
      const position = generator.ints(rows, positions);
      // Distinct rows, last to first.
      const keyRow = Uint32Array.from({ length: rows }, (_, i) => keys - 1 - i);
      const keyPositions = Array.from({ length: keys }, (_, key) => position[keyRow.indexOf(key)] ?? 0);
      const dk = Float32Array.from({ length: keys * keyWidth }, (_, i) => {
        return dKv[Math.floor(i / keyWidth) * 2 * keyWidth + (i % keyWidth)];
      });
      const turnedQ = ropeBackwardReference(dq, position, headDim, theta);
      const turnedK = ropeBackwardReference(dk, keyPositions, headDim, theta);
      const expected = Array.from({ length: rows }, (_, row) => [
        ...turnedQ.subarray(row * queryWidth, (row + 1) * queryWidth),
        ...turnedK.subarray(keyRow[row] * keyWidth, (keyRow[row] + 1) * keyWidth),
        ...dKv.subarray((2 * keyRow[row] + 1) * keyWidth, (2 * keyRow[row] + 2) * keyWidth),
      ]).flat();
      return {
        tensors: {
          dq: { shape: [rows, queryWidth], data: dq },
          d_kv: { shape: [keys, 2 * keyWidth], data: dKv },
          angles: { shape: [positions, headDim / 2, 2], data: ropeAngles(positions, headDim, theta) },
          position: { shape: [rows], data: position },
          key_row: { shape: [rows], data: keyRow },
          d_qkv: { shape: [rows, queryWidth + 2 * keyWidth] },
        },
        params: { heads, kv_heads: kvHeads, head_dim: headDim },
        expected: { d_qkv: expected },
      };
    },
  );

  it('is the slope of the reference', () => {
    const generator = random(3);
    const [x, dy] = [generator.normals(3 * 16), generator.normals(3 * 16)];
    const f = (at: Float64Array) => dot(dy, ropeReference(at, [0, 1, 7], 8, 100));
    expectGradient(ropeBackwardReference(dy, [0, 1, 7], 8, 100), f, x, 'dx');
  });
});
