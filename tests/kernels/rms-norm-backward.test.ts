import { rmsNormBackward } from '../../src/kernels/rms-norm/kernel.ts';
import { rmsNormBackwardReference, rmsNormReference } from '../../src/kernels/rms-norm/reference.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

describe('rms-norm-backward', () => {
  testKernel(
    rmsNormBackward,
    [
      { rows: 1, width: 4, accumulate: 0 },
      { rows: 7, width: 52, accumulate: 1 },
      { rows: 3, width: 516, accumulate: 0 },
    ],
    ({ rows, width, accumulate }, generator) => {
      const x = generator.normals(rows * width);
      const gain = generator.normals(width);
      const dy = generator.normals(rows * width);
      const start = generator.normals(rows * width);
      const gradient = rmsNormBackwardReference(x, gain, dy, 1e-5);
      return {
        tensors: {
          x: { shape: [rows, width], data: x },
          gain: { shape: [width], data: gain },
          dy: { shape: [rows, width], data: dy },
          dx: { shape: [rows, width], data: start },
        },
        params: { eps: 1e-5 },
        constants: { ACCUMULATE: accumulate },
        expected: { dx: accumulate ? gradient.map((value, i) => value + start[i]) : gradient },
      };
    },
  );

  it('is the slope of the reference', () => {
    const generator = random(3);
    const [x, gain, dy] = [generator.normals(3 * 8), generator.normals(8), generator.normals(3 * 8)];
    const f = (at: Float64Array) => dot(dy, rmsNormReference(at, gain, 1e-2));
    expectGradient(rmsNormBackwardReference(x, gain, dy, 1e-2), f, x, 'dx');
  });
});
