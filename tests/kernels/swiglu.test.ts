import { swiglu } from '../../src/kernels/swiglu/kernel.ts';
import { swigluReference } from '../../src/kernels/swiglu/reference.ts';
import { testKernel } from '../support/kernel-harness.ts';

describe('swiglu', () => {
  testKernel(
    swiglu,
    [
      { rows: 1, inner: 1, scale: 1 },
      { rows: 7, inner: 53, scale: 1 },
      { rows: 3, inner: 65, scale: 8 },
      { rows: 3, inner: 128, scale: 200 }, // exp(-gate) beyond f32
    ],
    ({ rows, inner, scale }, random) => {
      const gateUp = random.normals(rows * 2 * inner, scale);
      return {
        tensors: { gate_up: { shape: [rows, 2 * inner], data: gateUp }, y: { shape: [rows, inner] } },
        params: { inner },
        expected: { y: swigluReference(gateUp, inner) },
      };
    },
  );
});
