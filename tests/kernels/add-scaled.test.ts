import { addScaled } from '../../src/kernels/add-scaled/kernel.ts';
import { addScaledReference } from '../../src/kernels/add-scaled/reference.ts';
import { testKernel } from '../support/kernel-harness.ts';

describe('add-scaled', () => {
  testKernel(addScaled, [1, 61, 65], (size, source) => {
    const [x, y] = [source.normals(size), source.normals(size)];
    return {
      tensors: { x: { shape: [size], data: x }, y: { shape: [size], data: y } },
      params: { scale: 0.25 },
      expected: { y: addScaledReference(x, y, 0.25) },
    };
  });
});
