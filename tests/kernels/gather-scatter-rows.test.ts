import { gatherRows } from '../../src/kernels/gather-rows/kernel.ts';
import { gatherRowsReference } from '../../src/kernels/gather-rows/reference.ts';
import { scatterRows } from '../../src/kernels/scatter-rows/kernel.ts';
import { scatterRowsReference } from '../../src/kernels/scatter-rows/reference.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { EXACT } from '../support/tolerance.ts';

const SIZES = [
  { count: 1, all: 1, width: 1 },
  { count: 7, all: 31, width: 53 },
  { count: 17, all: 20, width: 65 },
];

describe('gather-rows', () => {
  testKernel(
    gatherRows,
    SIZES,
    ({ count, all, width }, random) => {
      const source = random.normals(all * width);
      const rows = random.ints(count, all); // repeats are allowed
      return {
        tensors: {
          source: { shape: [all, width], data: source },
          rows: { shape: [count], data: rows },
          picked: { shape: [count, width] },
        },
        expected: { picked: gatherRowsReference(source, rows, width) },
      };
    },
    EXACT,
  );
});

describe('scatter-rows', () => {
  testKernel(
    scatterRows,
    SIZES,
    ({ count, all, width }, random) => {
      const source = random.normals(count * width);
      const target = random.normals(all * width);
      const rows = Uint32Array.from({ length: count }, (_, i) => (i * 3 + 2) % all); // distinct: 3 divides no size
      return {
        tensors: {
          source: { shape: [count, width], data: source },
          rows: { shape: [count], data: rows },
          target_buffer: { shape: [all, width], data: target },
        },
        expected: { target_buffer: scatterRowsReference(source, rows, target, width) },
      };
    },
    EXACT,
  );
});
