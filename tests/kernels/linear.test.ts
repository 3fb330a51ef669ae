import { expect } from '@esm-bundle/chai';
import { linear, linearTiled } from '../../src/kernels/linear/kernel.ts';
import { linearReference } from '../../src/kernels/linear/reference.ts';
import { linearFewRows } from '../../src/kernels/linear-few-rows/kernel.ts';
import { linearFewRowsReference } from '../../src/kernels/linear-few-rows/reference.ts';
import { packWeights, unpackWeights, type WeightFormat } from '../../src/kernels/shared/weights.ts';
import { runKernel, testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

const FORMATS: WeightFormat[] = ['f32', 'f16', 'bf16'];
const SIZES = [
  { rows: 1, out: 1, width: 4, accumulate: 0 },
  { rows: 7, out: 13, width: 52, accumulate: 0 },
  { rows: 13, out: 37, width: 12, accumulate: 0 },
  { rows: 33, out: 65, width: 36, accumulate: 1 },
  { rows: 5, out: 509, width: 192, accumulate: 1 },
];

describe('linear', () => {
  for (const [kernels, reference] of [
    [linear, linearReference],
    [linearTiled, linearReference],
    [linearFewRows, linearFewRowsReference],
  ] as const) {
    for (const format of FORMATS) {
      testKernel(kernels[format], SIZES, ({ rows, out, width, accumulate }, generator) => {
        const x = generator.normals(rows * width);
        const packed = packWeights(format, generator.normals(out * width, 0.2));
        const start = generator.normals(rows * out);
        return {
          tensors: {
            x: { shape: [rows, width], data: x },
            weights: { shape: [out, format === 'f32' ? width : width / 2], data: packed },
            y: { shape: [rows, out], data: start },
          },
          constants: { ACCUMULATE: accumulate },
          expected: { y: reference(x, unpackWeights(format, packed), width, accumulate ? start : undefined) },
        };
      });
    }
  }

  for (const kernels of [linear, linearTiled, linearFewRows]) {
    it(`${kernels.f32.name}: a row does not depend on the rows beside it`, async () => {
      const [rows, out, width] = [9, 40, 100];
      const generator = random(2);
      const x = generator.normals(rows * width);
      const weights = { shape: [out, width], data: generator.normals(out * width) };
      const y = { shape: [rows, out], data: new Float32Array(rows * out) };
      const all = await runKernel(kernels.f32, { tensors: { x: { shape: [rows, width], data: x }, weights, y } });
      for (const row of [0, 5, 8]) {
        const one = await runKernel(kernels.f32, {
          tensors: {
            x: { shape: [1, width], data: x.slice(row * width, (row + 1) * width) },
            weights,
            y: { shape: [1, out], data: new Float32Array(out) },
          },
        });
        expect([...one.y]).to.deep.equal([...all.y.slice(row * out, (row + 1) * out)]);
      }
    });
  }
});
