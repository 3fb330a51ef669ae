import { expect } from '@esm-bundle/chai';
import { DeviceLostError, EngineError, NoWebGpuError, OutOfMemoryError } from '../../src/errors.ts';
import { openDevice } from '../../src/kernels/gpu/device.ts';
import { defineKernel, Gpu, type KernelSpec, read, Tensor, write } from '../../src/kernels/gpu/index.ts';
import { random } from '../support/random.ts';
import { scale } from '../support/scale.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { turns, until } from '../support/until.ts';

/** The error of a call that must fail. */
async function failure(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error, got none');
}

const add = defineKernel({
  name: 'add',
  files: [
    {
      path: 'tests/kernels/add.wgsl',
      code: `@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<f32>;
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3u) { sum[id.x] = a[id.x] + b[id.x]; }`,
    },
  ],
  bindings: { a: read('f32', ['rows', 'cols']), b: read('f32', ['rows', 'cols']), sum: write('f32', ['rows', 'cols']) },
  workgroups: ({ rows, cols }) => [rows * cols, 1, 1],
});

describe('gpu launcher', () => {
  describe('device', () => {
    it('asks for the full limits of the adapter and says what it is', async () => {
      const gpu = await sharedGpu();
      const adapter = (await navigator.gpu.requestAdapter())!;
      expect(gpu.facts.limits.maxStorageBufferBindingSize).to.equal(adapter.limits.maxStorageBufferBindingSize);
      expect(gpu.facts.adapter).to.be.a('string').and.not.equal('');
      expect(gpu.facts.features).to.deep.equal(
        ['shader-f16', 'subgroups', 'timestamp-query'].filter((feature) => adapter.features.has(feature)),
      );
      expect(gpu.facts.isFallback).to.equal(/swiftshader|llvmpipe/i.test(gpu.facts.adapter));
    });

    it('says so when there is no adapter', async () => {
      const none = { requestAdapter: async () => null } as unknown as GPU;
      expect(await failure(() => openDevice(none))).to.be.instanceOf(NoWebGpuError);
    });

    it('turns a lost device into DeviceLostError, for calls under way and after', async () => {
      const gpu = await Gpu.create();
      const scope = gpu.scope('lost');
      const x = scope.upload('f32', [4], new Float32Array(4), 'x');
      const reading = failure(() => gpu.read(x));
      gpu.destroy();
      await gpu.lost;
      await reading;
      expect(await failure(() => gpu.read(x))).to.be.instanceOf(DeviceLostError);
      expect(await failure(() => gpu.run(scale, { x, y: x }, { factor: 1 }))).to.be.instanceOf(DeviceLostError);
    });
  });

  describe('run and read', () => {
    it('keeps the parameters of many runs of one submit apart', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('many runs');
      const x = scope.upload('f32', [3], Float32Array.of(1, 2, 3), 'x');
      const runs = 700; // more than one arena, more than one batch
      const outputs = Array.from({ length: runs }, (_, i) => {
        const y = scope.tensor('f32', [3], `y${i}`);
        gpu.run(scale, { x, y }, { factor: i });
        return y;
      });
      const values = await gpu.readAll(outputs);
      values.forEach((y, i) => {
        expect([...y]).to.deep.equal([i, 2 * i, 3 * i]);
      });
      scope.dispose();
    });

    it('runs one after the other, each seeing what the last one wrote', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('chain');
      let x = scope.upload('f32', [5], Float32Array.of(1, 2, 3, 4, 5), 'x');
      for (let i = 0; i < 10; i++) {
        const y = scope.tensor('f32', [5], 'y');
        gpu.run(scale, { x, y }, { factor: 2 });
        scope.release(x);
        x = y;
      }
      expect([...(await gpu.read(x))]).to.deep.equal([1024, 2048, 3072, 4096, 5120]);
      scope.dispose();
    });

    it('lets an upload wait for the commands that use the buffer', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('write order');
      const x = scope.upload('f32', [1], Float32Array.of(1), 'x');
      const first = scope.tensor('f32', [1], 'first');
      const second = scope.tensor('f32', [1], 'second');
      gpu.run(scale, { x, y: first }, { factor: 10 });
      gpu.write(x, Float32Array.of(2));
      gpu.run(scale, { x, y: second }, { factor: 10 });
      expect((await gpu.readAll([first, second])).map((t) => t[0])).to.deep.equal([10, 20]);
      scope.dispose();
    });

    it('reads several tensors of several types at once', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('types');
      const f32 = scope.upload('f32', [2], Float32Array.of(0.5, -1), 'f32');
      const u32 = scope.upload('u32', [1], Uint32Array.of(4e9), 'u32');
      const i32 = scope.upload('i32', [3], Int32Array.of(-1, 0, 1), 'i32');
      const f16 = scope.upload('f16', [3], Float32Array.of(1.5, -2, 65504), 'f16');
      const values = await gpu.readAll([f32, u32, i32, f16]);
      expect(values.map((v) => [...v])).to.deep.equal([[0.5, -1], [4e9], [-1, 0, 1], [1.5, -2, 65504]]);
      scope.dispose();
    });

    it('copies and clears ranges in order', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('copy');
      const from = scope.upload('f32', [4], Float32Array.of(1, 2, 3, 4), 'from');
      const to = scope.zeros('f32', [6], 'to');
      gpu.copy(from, to, { fromIndex: 1, toIndex: 3, count: 2 });
      gpu.clear(from);
      expect((await gpu.readAll([to, from])).map((v) => [...v])).to.deep.equal([
        [0, 0, 0, 2, 3, 0],
        [0, 0, 0, 0],
      ]);
      const error = await failure(() => gpu.copy(from, to, { toIndex: 3 }));
      expect(error.message).to.contain('from: f32 [4]').and.to.contain('to: f32 [6]');
      scope.dispose();
    });

    it('binds exactly the bytes of a wrapped buffer', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('wrap');
      const padded = scope.upload('f32', [64], new Float32Array(64).fill(7), 'padded');
      const x = gpu.wrap(padded.buffer, 'f32', [3]);
      expect(x.byteLength).to.equal(12);
      const y = scope.tensor('f32', [3], 'y');
      gpu.run(scale, { x, y }, { factor: 1 });
      expect([...(await gpu.read(y))]).to.deep.equal([7, 7, 7]);
      expect((await failure(() => gpu.wrap(padded.buffer, 'f32', [65, 1000]))).message).to.contain('cannot hold');
      scope.dispose();
    });

    it('takes override constants', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('constants');
      const data = random(3).normals(1000);
      const x = scope.upload('f32', [1000], data, 'x');
      const y = scope.tensor('f32', [1000], 'y');
      gpu.run(scale, { x, y }, { factor: 2 }, { WORKGROUP_SIZE: 32 });
      expect([...(await gpu.read(y))]).to.deep.equal([...data].map((v) => v * 2));
      expect(gpu.reports().find((report) => report.name === 'scale')!.last!.workgroups[0]).to.equal(32);
      scope.dispose();
    });
  });

  describe('phases', () => {
    const phased = { ...add, name: 'add-in-phases' };

    it('add up the GPU time of what was recorded under a name, and nothing when not asked', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('phases');
      const [rows, cols] = [128, 400];
      const a = scope.upload('f32', [rows, cols], new Float32Array(rows * cols).fill(1), 'a');
      const sum = scope.zeros('f32', [rows, cols], 'sum');
      const dispatch = () => gpu.run(phased, { a, b: a, sum });
      gpu.phases.begin('before');
      dispatch();
      expect(gpu.phases.measure(true)).to.equal(gpu.facts.features.includes('timestamp-query'));
      dispatch();
      gpu.phases.begin('much');
      // Copies between passes, more dispatches than one submit takes, and a return to the phase later.
      for (let i = 0; i < 150; i++) {
        dispatch();
        if (i % 50 === 0) gpu.copy(a, sum);
      }
      gpu.phases.begin('little');
      dispatch();
      gpu.phases.begin('much');
      dispatch();
      gpu.phases.begin(null);
      dispatch();
      const times = await gpu.phases.read();
      expect(Object.keys(times!).sort()).to.deep.equal(['little', 'much']);
      expect(times!.much).to.be.greaterThan(0);
      expect(await gpu.phases.read(), 'nothing since').to.deep.equal({});
      gpu.phases.measure(false);
      gpu.phases.begin('after');
      dispatch();
      expect(await gpu.phases.read()).to.deep.equal({});
      expect([...(await gpu.read(sum))].every((value) => value === 2)).to.equal(true);
      scope.dispose();
    });

    it('gives no time rather than a wrong one when there were more phases than timestamps', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('phases');
      const a = scope.upload('f32', [1, 1], new Float32Array([1]), 'a');
      const sum = scope.zeros('f32', [1, 1], 'sum');
      gpu.phases.measure(true);
      for (let i = 0; i < 2100; i++) {
        gpu.phases.begin(`phase ${i}`);
        gpu.run(phased, { a, b: a, sum });
      }
      expect(await gpu.phases.read()).to.equal(null);
      gpu.phases.begin('again');
      gpu.run(phased, { a, b: a, sum });
      expect(Object.keys((await gpu.phases.read())!)).to.deep.equal(['again']);
      gpu.phases.measure(false);
      scope.dispose();
    });
  });

  describe('checks before a dispatch', () => {
    async function planFailure(shapes: { a: number[]; b: number[]; sum: number[] }): Promise<Error> {
      const gpu = await sharedGpu();
      const scope = gpu.scope('checks');
      const tensors = {
        a: scope.tensor('f32', shapes.a, 'left'),
        b: scope.tensor('f32', shapes.b, 'right'),
        sum: scope.tensor('f32', shapes.sum, 'out'),
      };
      const error = await failure(() => gpu.run(add, tensors));
      scope.dispose();
      return error;
    }

    it('names both tensors that disagree, with their sizes', async () => {
      const error = await planFailure({ a: [2, 3], b: [2, 5], sum: [2, 3] });
      expect(error).to.be.instanceOf(EngineError);
      expect(error.message).to.equal('add: "cols" is 3 in a (left: f32 [2, 3]) but 5 in b (right: f32 [2, 5]).');
    });

    it('names a wrong rank', async () => {
      expect((await planFailure({ a: [6], b: [2, 3], sum: [2, 3] })).message).to.contain('dimensions [rows, cols]');
    });

    it('names a wrong dtype, a missing or unknown tensor, an alias and a disposed tensor', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('dtype');
      const x = scope.tensor('u32', [3], 'ids');
      const y = scope.tensor('f32', [3], 'y');
      const run = (tensors: Record<string, Tensor>, params: Record<string, number> = { factor: 1 }) =>
        failure(() => gpu.run(scale as KernelSpec, tensors, params));
      expect((await run({ x, y })).message).to.equal('scale: x (ids: u32 [3]) must be f32.');
      expect((await run({ y })).message).to.contain('"x" got no tensor');
      expect((await run({ x: y, y, z: y })).message).to.contain('no binding "z"');
      expect((await run({ x: y, y })).message).to.contain('same buffer');
      const other = scope.tensor('f32', [3], 'other');
      expect((await run({ x: other, y }, {})).message).to.contain('"factor" is neither');
      expect((await run({ x: other, y }, { factor: 1, speed: 2 })).message).to.contain('no parameter "speed"');
      expect((await run({ x: other, y }, { factor: 1, n: 4 })).message).to.contain('the tensors make it 3');
      expect((await run({ x: other, y }, { factor: Number.NaN })).message).to.contain('cannot be NaN');
      scope.dispose();
      expect((await run({ x: other, y })).message).to.contain('disposed');
    });

    it('refuses a binding and a buffer beyond the limits as out of memory', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('large');
      const y = scope.tensor('f32', [1], 'y');
      // The size is what is checked; nothing that large is allocated.
      const length = gpu.facts.limits.maxStorageBufferBindingSize! / 4 + 1;
      const x = new Tensor({ ...y.storage, label: 'huge' }, 'f32', [length]);
      const error = await failure(() => gpu.run(scale, { x, y: x }, { factor: 1 }));
      expect(error).to.be.instanceOf(OutOfMemoryError);
      expect(error.message).to.contain('huge');
      const size = gpu.facts.limits.maxBufferSize!;
      const allocation = await failure(() => scope.tensor('f32', [size], 'activations'));
      expect(allocation).to.be.instanceOf(OutOfMemoryError);
      expect(allocation.message).to.contain('large/activations');
      scope.dispose();
    });

    it('refuses more workgroups than the device takes', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('groups');
      const wide = { ...scale, workgroups: () => [70_000, 1, 1] as const };
      const x = scope.tensor('f32', [1], 'x');
      const y = scope.tensor('f32', [1], 'y');
      const error = await failure(() => gpu.run(wide, { x, y }, { factor: 1 }));
      expect(error.message).to.contain('70000').and.to.contain('65535');
      scope.dispose();
    });

    it('refuses empty shapes and data of another length', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('shapes');
      expect((await failure(() => scope.tensor('f32', [2, 0], 'none'))).message).to.contain('[2, 0]');
      expect((await failure(() => scope.upload('f32', [3], new Float32Array(2), 'short'))).message).to.contain(
        '2 values',
      );
      expect((await failure(() => scope.upload('u32', [2], new Float32Array(2), 'ids'))).message).to.contain(
        'Uint32Array',
      );
      scope.dispose();
    });
  });

  describe('compilation', () => {
    const broken: KernelSpec = {
      name: 'broken',
      files: [
        { path: 'src/kernels/shared/fine.wgsl', code: 'fn one() -> f32 {\n  return 1.0;\n}\n' },
        {
          path: 'src/kernels/broken/broken.wgsl',
          code: '@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(1)\nfn main() {\n  y[0] = one() + true;\n}\n',
        },
      ],
      bindings: { y: write('f32', ['n']) },
      workgroups: () => [1, 1, 1],
    };

    it('reports WGSL errors at file:line, from prepare', async () => {
      const gpu = await sharedGpu();
      const error = await failure(() => gpu.prepare([broken]));
      expect(error).to.be.instanceOf(EngineError);
      expect(error.message).to.contain('src/kernels/broken/broken.wgsl:4:');
    });

    it('reports them at the next read when the kernel was not prepared', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('broken');
      const y = scope.tensor('f32', [1], 'y');
      gpu.run({ ...broken }, { y });
      expect((await failure(() => gpu.read(y))).message).to.contain('src/kernels/broken/broken.wgsl:4:');
      await gpu.read(y); // thrown once
      scope.dispose();
    });

    it('does not accept a shader whose bindings contradict the declaration', async () => {
      const gpu = await sharedGpu();
      const contradicting = { ...scale, bindings: { x: read('f32', ['n']), y: read('f32', ['n']) } };
      expect((await failure(() => gpu.prepare([contradicting as KernelSpec]))).message).to.contain('scale');
    });

    it('names a feature that the device lacks', async () => {
      const gpu = await sharedGpu();
      const needy = { ...scale, features: ['texture-compression-astc-hdr' as GPUFeatureName] };
      expect((await failure(() => gpu.prepare([needy]))).message).to.contain('texture-compression-astc-hdr');
    });
  });

  describe('reports', () => {
    it('tells shapes, workgroups, runs and sources; kernels that never ran are listed when asked for', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('report');
      const fresh = { ...scale, name: 'fresh' };
      const x = scope.upload('f32', [130], new Float32Array(130), 'x');
      const y = scope.tensor('f32', [130], 'y');
      gpu.run(fresh, { x, y }, { factor: 1 });
      await gpu.read(y);
      const [unused, ...others] = gpu.reports([add]);
      expect(unused).to.include({ name: 'add', runs: 0 });
      const report = others.find((entry) => entry.name === 'fresh')!;
      expect(report.last).to.deep.equal({ shapes: { x: [130], y: [130] }, workgroups: [3, 1, 1] });
      expect(report.runs).to.equal(1);
      expect(report.files[0]!.path).to.equal('tests/support/scale.wgsl');
      expect(report.bindings[0]).to.deep.equal({ name: 'x', access: 'read', dtype: 'f32', dims: '[n]' });
      scope.dispose();
    });

    it('measures a dispatch where the device has timestamps', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('timing');
      const timed = { ...scale, name: 'timed' };
      const x = scope.zeros('f32', [4096], 'x');
      const y = scope.tensor('f32', [4096], 'y');
      // A measurement of an earlier submit may still be on its way; the next free submit takes this one.
      const measurable = gpu.facts.features.includes('timestamp-query');
      do {
        gpu.run(timed, { x, y }, { factor: 1 });
        await gpu.idle();
        await turns();
      } while (measurable && gpu.reports([timed])[0]!.lastMicroseconds === undefined);
      const measured = gpu.reports([timed])[0]!.lastMicroseconds;
      if (measurable) expect(measured).to.be.a('number').and.to.be.at.least(0);
      else expect(measured).to.equal(undefined);
      scope.dispose();
    });

    it('measures the kernels of every submit that is made in one go, as those of a training step are', async () => {
      const gpu = await sharedGpu();
      const scope = gpu.scope('timing of a step');
      const kernels = ['step forward', 'step head', 'step backward'].map((name) => ({ ...scale, name }));
      const x = scope.zeros('f32', [4096], 'x');
      const y = scope.tensor('f32', [4096], 'y');
      await gpu.prepare(kernels as KernelSpec[]);
      // Lets what earlier submits measured arrive.
      await gpu.idle();
      await turns();
      for (const kernel of kernels) {
        gpu.run(kernel, { x, y }, { factor: 1 });
        gpu.submit();
      }
      await gpu.idle();
      const times = () =>
        gpu
          .reports(kernels as KernelSpec[])
          .slice(0, 3)
          .map((report) => report.lastMicroseconds);
      const measurable = gpu.facts.features.includes('timestamp-query');
      if (measurable) await until(() => !times().includes(undefined), 'the times of three kernels');
      expect(times().map((time) => typeof time)).to.deep.equal(Array(3).fill(measurable ? 'number' : 'undefined'));
      scope.dispose();
    });
  });
});
