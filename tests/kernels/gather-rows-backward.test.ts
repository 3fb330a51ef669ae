import { expect } from '@esm-bundle/chai';
import { gatherRowsBackward, pickedBy } from '../../src/kernels/gather-rows/kernel.ts';
import { gatherRowsBackwardReference, gatherRowsReference } from '../../src/kernels/gather-rows/reference.ts';
import { dot, expectGradient } from '../support/central-differences.ts';
import { testKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';

describe('gather-rows-backward', () => {
  testKernel(
    gatherRowsBackward,
    [
      { count: 1, sourceRows: 1, width: 1 },
      { count: 13, sourceRows: 7, width: 53 },
      { count: 5, sourceRows: 65, width: 65 },
    ],
    ({ count, sourceRows, width }, generator) => {
      const rows = generator.ints(count, sourceRows);
      const dPicked = generator.normals(count * width);
      const { order, starts } = pickedBy(rows, sourceRows);
      return {
        tensors: {
          d_picked: { shape: [count, width], data: dPicked },
          order: { shape: [count], data: order },
          starts: { shape: [sourceRows + 1], data: starts },
          d_source: { shape: [sourceRows, width] },
        },
        expected: { d_source: gatherRowsBackwardReference(dPicked, rows, sourceRows, width) },
      };
    },
  );

  it('sorts picks by row, in their order', () => {
    const { order, starts } = pickedBy(Uint32Array.of(2, 0, 2, 4), 5);
    expect([...starts]).to.deep.equal([0, 1, 1, 3, 3, 4]);
    expect([...order]).to.deep.equal([1, 0, 2, 3]);
  });

  it('is the slope of the reference', () => {
    const generator = random(3);
    const [rows, source, dPicked] = [generator.ints(6, 4), generator.normals(4 * 3), generator.normals(6 * 3)];
    const f = (at: Float64Array) => dot(dPicked, gatherRowsReference(at, rows, 3));
    expectGradient(gatherRowsBackwardReference(dPicked, rows, 4, 3), f, source, 'd(source)');
  });
});
