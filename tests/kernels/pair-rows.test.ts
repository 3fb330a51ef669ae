import { pairRows } from '../../src/kernels/pair-rows/kernel.ts';
import { pairRowsReference } from '../../src/kernels/pair-rows/reference.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { EXACT } from '../support/tolerance.ts';

describe('pair-rows', () => {
  testKernel(
    pairRows,
    [1, 7, 65],
    (pairs, source) => {
      const sums = source.normals(8 * pairs);
      const extras = source.normals(4 * pairs);
      return {
        tensors: {
          sums: { shape: [2 * pairs, 4], data: sums },
          extras: { shape: [pairs, 4], data: extras },
          rows: { shape: [pairs, 10] },
        },
        expected: { rows: pairRowsReference(sums, extras) },
      };
    },
    EXACT,
  );
});
