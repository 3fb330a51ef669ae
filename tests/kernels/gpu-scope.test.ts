import { expect } from '@esm-bundle/chai';
import { fromHalf, toHalf } from '../../src/kernels/gpu/f16.ts';
import { bucket } from '../../src/kernels/gpu/pool.ts';
import { random } from '../support/random.ts';
import { scale } from '../support/scale.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

describe('scopes and the buffer pool', () => {
  it('counts live bytes and the peak, and comes back to where it was', async () => {
    const gpu = await sharedGpu();
    const before = gpu.liveBytes;
    gpu.resetPeak();
    const scope = gpu.scope('step');
    scope.tensor('f32', [1024], 'a');
    scope.tensor('f32', [1024], 'b');
    expect(gpu.liveBytes - before).to.equal(8192);
    expect(scope.bytes).to.equal(8192);
    scope.dispose();
    scope.dispose();
    expect(gpu.liveBytes).to.equal(before);
    expect(gpu.peakBytes - before).to.equal(8192);
  });

  it('does not grow over steps: buffers are used again', async () => {
    const gpu = await sharedGpu();
    const held = () => gpu.liveBytes + gpu.pool.idleBytes;
    let after = 0;
    for (let step = 0; step < 5; step++) {
      const scope = gpu.scope('step');
      const x = scope.upload('f32', [5000], new Float32Array(5000).fill(step), 'x');
      const y = scope.tensor('f32', [5000], 'y');
      gpu.run(scale, { x, y }, { factor: 3 });
      scope.dispose();
      if (step === 1) after = held();
    }
    expect(held()).to.equal(after);
  });

  it('gives a reused buffer to its new owner only after the recorded commands', async () => {
    const gpu = await sharedGpu();
    const outer = gpu.scope('outer');
    const y = outer.tensor('f32', [333], 'y');
    const first = gpu.scope('first');
    const x = first.upload('f32', [333], new Float32Array(333).fill(5), 'x');
    gpu.run(scale, { x, y }, { factor: 1 });
    first.dispose();
    const second = gpu.scope('second');
    second.upload('f32', [333], new Float32Array(333).fill(-1), 'x again');
    expect([...new Set(await gpu.read(y))]).to.deep.equal([5]);
    second.dispose();
    outer.dispose();
  });

  it('lists a scope that was forgotten, with its tensors', async () => {
    const gpu = await sharedGpu();
    const leak = gpu.scope('forgotten');
    leak.tensor('f32', [64], 'hidden');
    expect(gpu.openScopes()).to.deep.include({ label: 'forgotten', bytes: 256, tensors: ['hidden'] });
    leak.dispose();
    expect(gpu.openScopes().map((scope) => scope.label)).to.not.include('forgotten');
  });

  it('keeps a tensor beyond its scope, and runs cleanups once', async () => {
    const gpu = await sharedGpu();
    const model = gpu.scope('model');
    const step = gpu.scope('step');
    let cleaned = 0;
    step.onDispose(() => cleaned++);
    const kept = step.keep(step.upload('f32', [2], Float32Array.of(8, 9), 'cache'), model);
    step.dispose();
    step.dispose();
    expect(cleaned).to.equal(1);
    expect([...(await gpu.read(kept))]).to.deep.equal([8, 9]);
    expect(() => step.tensor('f32', [1], 'late')).to.throw('disposed');
    expect(() => step.keep(kept, model)).to.throw('not held');
    model.dispose();
    let error: Error | undefined;
    await gpu.read(kept).catch((caught) => {
      error = caught;
    });
    expect(error!.message).to.contain('disposed');
  });

  it('destroys idle buffers on request while commands that use them are recorded', async () => {
    const gpu = await sharedGpu();
    const outer = gpu.scope('outer');
    const y = outer.tensor('f32', [777], 'y');
    const inner = gpu.scope('inner');
    const x = inner.upload('f32', [777], new Float32Array(777).fill(2), 'x');
    gpu.run(scale, { x, y }, { factor: 2 });
    inner.dispose();
    gpu.pool.trim();
    expect(gpu.pool.idleBytes).to.equal(0);
    expect([...new Set(await gpu.read(y))]).to.deep.equal([4]);
    outer.dispose();
  });

  it('reshapes without copying', async () => {
    const gpu = await sharedGpu();
    const scope = gpu.scope('reshape');
    const flat = scope.upload('f32', [6], Float32Array.of(1, 2, 3, 4, 5, 6), 'flat');
    const grid = flat.reshape([2, 3]);
    expect(grid.buffer).to.equal(flat.buffer);
    expect([grid.rows, grid.cols, grid.size]).to.deep.equal([2, 3, 6]);
    expect(() => flat.reshape([4])).to.throw('flat: f32 [6] cannot be reshaped to [4]');
    scope.dispose();
  });

  it('wastes at most a quarter on the bucket of a buffer', () => {
    const { int } = random(11);
    for (let i = 0; i < 2000; i++) {
      const bytes = 1024 + int(2 ** 28);
      expect(bucket(bytes))
        .to.be.at.least(bytes)
        .and.at.most(bytes * 1.25 + 256);
      expect(bucket(bytes) % 4).to.equal(0);
    }
  });
});

describe('half precision', () => {
  it('keeps every f16 number through f32 and back', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const isNaN16 = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
      if (isNaN16) expect(fromHalf(bits)).to.be.NaN;
      else if (toHalf(fromHalf(bits)) !== bits) throw new Error(`${bits.toString(16)} does not survive`);
    }
  });

  it('rounds to nearest, ties to even', () => {
    expect(fromHalf(toHalf(1 + 2 ** -11))).to.equal(1);
    expect(fromHalf(toHalf(1 + 3 * 2 ** -11))).to.equal(1 + 2 ** -9);
    expect(fromHalf(toHalf(65519))).to.equal(65504);
    expect(fromHalf(toHalf(65520))).to.equal(Number.POSITIVE_INFINITY);
    expect(fromHalf(toHalf(2 ** -25))).to.equal(0);
    expect(fromHalf(toHalf(2 ** -25 * 1.5))).to.equal(2 ** -24);
    expect(Object.is(fromHalf(toHalf(-0)), -0)).to.equal(true);
  });
});
