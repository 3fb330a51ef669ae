import { linearFewRowsSubgroups } from '../../src/kernels/linear-few-rows-subgroups/kernel.ts';
import { linearFewRowsSubgroupsReference } from '../../src/kernels/linear-few-rows-subgroups/reference.ts';
import { packWeights, unpackWeights, type WeightFormat } from '../../src/kernels/shared/weights.ts';
import { testKernel } from '../support/kernel-harness.ts';

const SIZES = [
  { rows: 1, out: 1, width: 4, format: 'f32', accumulate: 0 },
  { rows: 3, out: 7, width: 20, format: 'f32', accumulate: 1 },
  { rows: 5, out: 65, width: 260, format: 'f16', accumulate: 0 },
  { rows: 4, out: 17, width: 132, format: 'bf16', accumulate: 1 },
] as const satisfies readonly { format: WeightFormat; [size: string]: unknown }[];

describe('linear-few-rows-subgroups', () => {
  for (const size of SIZES) {
    const kernel = linearFewRowsSubgroups[size.format];
    testKernel(kernel, [size], ({ rows, out, width, format, accumulate }, { normals }) => {
      const x = normals(rows * width);
      const packed = packWeights(format, normals(out * width, 0.2));
      const start = accumulate === 1 ? normals(rows * out) : new Float32Array(rows * out);
      return {
        tensors: {
          x: { shape: [rows, width], data: x },
          weights: { shape: [out, format === 'f32' ? width : width / 2], data: packed },
          y: { shape: [rows, out], data: start },
        },
        constants: { ACCUMULATE: accumulate },
        expected: { y: linearFewRowsSubgroupsReference(x, unpackWeights(format, packed), width, start) },
      };
    });
  }
});
