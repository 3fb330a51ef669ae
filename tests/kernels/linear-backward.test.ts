import { linearBackward, linearBackwardTiled } from '../../src/kernels/linear/kernel.ts';
import { linearBackwardReference, linearReference } from '../../src/kernels/linear/reference.ts';
import { packWeights, unpackWeights, type WeightFormat } from '../../src/kernels/shared/weights.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

const FORMATS: WeightFormat[] = ['f32', 'f16', 'bf16'];
const SIZES = [
  { rows: 1, out: 4, width: 4, weightRows: 4, first: 0, accumulate: 0 },
  { rows: 7, out: 52, width: 36, weightRows: 52, first: 0, accumulate: 1 },
  { rows: 13, out: 4, width: 68, weightRows: 4, first: 0, accumulate: 1 },
  { rows: 33, out: 68, width: 132, weightRows: 68, first: 0, accumulate: 0 },
  // The last slab of a vocabulary of 509: three columns of dy lie past the end, and are 0.
  { rows: 5, out: 128, width: 48, weightRows: 509, first: 384, accumulate: 1 },
];

describe('linear-backward', () => {
  for (const kernels of [linearBackward, linearBackwardTiled]) {
    for (const format of FORMATS) {
      testKernel(kernels[format], SIZES, ({ rows, out, width, weightRows, first, accumulate }, generator) => {
        const dy = generator.normals(rows * out).map((value, i) => (first + (i % out) < weightRows ? value : 0));
        const packed = packWeights(format, generator.normals(weightRows * width, 0.2));
        const start = generator.normals(rows * width);
        const weights = unpackWeights(format, packed);
        return {
          tensors: {
            dy: { shape: [rows, out], data: dy },
            weights: { shape: [weightRows, format === 'f32' ? width : width / 2], data: packed },
            dx: { shape: [rows, width], data: start },
          },
          params: { first },
          constants: { ACCUMULATE: accumulate },
          expected: { dx: linearBackwardReference(dy, weights, width, out, first, accumulate ? start : undefined) },
        };
      });
    }
  }

  it('is the slope of the reference', () => {
    const generator = random(3);
    const [x, weights, dy] = [generator.normals(3 * 4), generator.normals(8 * 4), generator.normals(3 * 8)];
    const f = (at: Float64Array) => dot(dy, linearReference(at, weights, 4));
    expectGradient(linearBackwardReference(dy, weights, 4, 8), f, x, 'dx');
  });
});
