import { expect } from '@esm-bundle/chai';
import { rmsNorm } from '../../src/kernels/rms-norm/kernel.ts';
import { rmsNormReference } from '../../src/kernels/rms-norm/reference.ts';
import { runKernel, testKernel } from '../support/kernel-harness.ts';

describe('rms-norm', () => {
  testKernel(
    rmsNorm,
    [
      { rows: 1, width: 4, scale: 1 },
      { rows: 7, width: 52, scale: 1 },
      { rows: 3, width: 516, scale: 1e-3 },
      { rows: 2, width: 576, scale: 300 },
    ],
    ({ rows, width, scale }, random) => {
      const x = random.normals(rows * width, scale);
      const gain = random.normals(width);
      return {
        tensors: {
          x: { shape: [rows, width], data: x },
          gain: { shape: [width], data: gain },
          y: { shape: [rows, width] },
        },
        params: { eps: 1e-5 },
        expected: { y: rmsNormReference(x, gain, 1e-5) },
      };
    },
  );

  it('keeps a row of zeros zero', async () => {
    const { y } = await runKernel(rmsNorm, {
      tensors: {
        x: { shape: [1, 8], data: new Float32Array(8) },
        gain: { shape: [8], data: new Float32Array(8).fill(1) },
        y: { shape: [1, 8] },
      },
      params: { eps: 1e-5 },
    });
    expect([...y]).to.deep.equal(new Array(8).fill(0));
  });
});
