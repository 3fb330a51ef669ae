import { expect } from '@esm-bundle/chai';
import { scale } from '../support/scale.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

describe('a view of a tensor', () => {
  it('is read, written, cleared, copied and bound in its place', async () => {
    const gpu = await sharedGpu();
    const scope = gpu.scope('test');
    const whole = scope.upload('f32', [192], new Float32Array(192).fill(1), 'whole');
    const [second, third] = [whole.view(64, [3]), whole.view(128, [1, 3])];
    gpu.write(second, Float32Array.of(2, 3, 4));
    gpu.clear(third);
    const other = scope.upload('f32', [128], new Float32Array(128).fill(5), 'other');
    gpu.copy(second, other.view(64, [3]), { fromIndex: 1, toIndex: 1, count: 2 });
    gpu.copy(other.view(64, [3]), third, { fromIndex: 1, toIndex: 1, count: 2 });
    const y = scope.zeros('f32', [192], 'y');
    gpu.run(scale, { x: third.reshape([3]), y: y.view(64, [3]) }, { factor: 2 });
    const [values, part, scaled] = await gpu.readAll([whole, third, y]);
    expect([...values.slice(62, 68)]).to.deep.equal([1, 1, 2, 3, 4, 1]);
    expect([...values.slice(127, 132)]).to.deep.equal([1, 0, 3, 4, 1]);
    expect([...part]).to.deep.equal([0, 3, 4]);
    expect([...scaled.slice(63, 68)]).to.deep.equal([0, 0, 6, 8, 0]);
    scope.dispose();
  });

  it('begins where WebGPU can bind, inside its tensor', async () => {
    const gpu = await sharedGpu();
    const scope = gpu.scope('test');
    const whole = scope.tensor('f32', [100], 'whole');
    expect(() => whole.view(4, [8])).to.throw(/no view of \[8\] at element 4/);
    expect(() => whole.view(64, [37])).to.throw(/no view/);
    scope.dispose();
  });
});
