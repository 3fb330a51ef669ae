import { gradNorm, normParts, sumOfSquares } from '../../src/kernels/grad-norm/kernel.ts';
import { gradNormReference, sumOfSquaresReference } from '../../src/kernels/grad-norm/reference.ts';
import { testKernel } from '../support/kernel-harness.ts';

describe('grad-norm', () => {
  testKernel(sumOfSquares, [1, 61, 257, 256 * 256 + 259], (size, source) => {
    const gradients = source.normals(size);
    const groups = normParts(size);
    return {
      tensors: { gradients: { shape: [size], data: gradients }, partials: { shape: [groups] } },
      expected: { partials: sumOfSquaresReference(gradients, groups) },
    };
  });

  testKernel(gradNorm, [1, 61, 257], (groups, source) => {
    const partials = source.normals(groups).map(Math.abs);
    return {
      tensors: { partials: { shape: [groups], data: partials }, norm: { shape: [1] } },
      expected: { norm: [gradNormReference(partials)] },
    };
  });
});
