import { expect } from '@esm-bundle/chai';
import { allKernels } from '../../src/kernels/index.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

describe('every kernel of the product', () => {
  it('has a name of its own', () => {
    const names = allKernels.map((kernel) => kernel.name);
    expect(names).to.deep.equal([...new Set(names)]);
  });

  for (const kernel of allKernels) {
    it(`${kernel.name} compiles against its declaration`, async () => {
      const gpu = await sharedGpu();
      await gpu.prepare([kernel]);
    });
  }

  it('begins with five lines of formula, shapes, work split, numerics and gradient', () => {
    const files = new Map(
      allKernels.map((kernel) => kernel.files[kernel.files.length - 1]!).map((f) => [f.path, f.code]),
    );
    for (const [path, code] of files) {
      const head = code.split('\n').slice(0, 5);
      expect(head.filter((line) => line.startsWith('//')).length, `header of ${path}`).to.equal(5);
      expect(/gradient/i.test(code.split('\n').slice(0, 8).join('\n')), `${path} names its gradient`).to.equal(true);
    }
  });
});
