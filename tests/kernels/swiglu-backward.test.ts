import { swigluBackward } from '../../src/kernels/swiglu/kernel.ts';
import { swigluBackwardReference, swigluReference } from '../../src/kernels/swiglu/reference.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

describe('swiglu-backward', () => {
  testKernel(
    swigluBackward,
    [
      { rows: 1, inner: 1, scale: 1 },
      { rows: 7, inner: 53, scale: 1 },
      { rows: 3, inner: 65, scale: 8 },
      { rows: 3, inner: 128, scale: 200 }, // exp(-gate) beyond f32
    ],
    ({ rows, inner, scale }, generator) => {
      const gateUp = generator.normals(rows * 2 * inner, scale);
      const dy = generator.normals(rows * inner);
      return {
        tensors: {
          gate_up: { shape: [rows, 2 * inner], data: gateUp },
          dy: { shape: [rows, inner], data: dy },
          d_gate_up: { shape: [rows, 2 * inner] },
        },
        params: { inner },
        expected: { d_gate_up: swigluBackwardReference(gateUp, dy, inner) },
      };
    },
  );

  it('is the slope of the reference', () => {
    const generator = random(3);
    const [gateUp, dy] = [generator.normals(2 * 2 * 5, 3), generator.normals(2 * 5)];
    const f = (at: Float64Array) => dot(dy, swigluReference(at, 5));
    expectGradient(swigluBackwardReference(gateUp, dy, 5), f, gateUp, 'd(gate, up)');
  });
});
