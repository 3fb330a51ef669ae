import { expect } from '@esm-bundle/chai';
import { checkFastPaths, fastPaths } from '../../src/kernels/fast-paths.ts';
import { type FastPath, Gpu, type KernelSpec, selfCheck } from '../../src/kernels/gpu/index.ts';
import { scale } from '../support/scale.ts';

/** `scale` with one expression of its shader replaced. */
function variant(name: string, from: string, to: string, features?: GPUFeatureName[]): KernelSpec {
  const [file] = scale.files;
  return { ...scale, name, features, files: [{ path: file!.path, code: file!.code.replace(from, to) }] };
}

function pathTo(fast: KernelSpec): FastPath {
  return {
    plain: scale as KernelSpec,
    fast,
    tolerance: 1e-6,
    cases: () => [
      { tensors: { x: { shape: [3], data: Float32Array.of(1, 2, 4) }, y: { shape: [3] } }, params: { factor: 2 } },
    ],
  };
}

describe('start-up self-check', () => {
  let gpu: Gpu;

  beforeEach(async () => {
    gpu = await Gpu.create();
  });

  afterEach(() => {
    gpu.destroy();
  });

  async function run(): Promise<number[]> {
    const scope = gpu.scope('run');
    const x = scope.upload('f32', [3], Float32Array.of(1, 2, 4), 'x');
    const y = scope.tensor('f32', [3], 'y');
    gpu.run(scale, { x, y }, { factor: 2 });
    const values = [...(await gpu.read(y))];
    scope.dispose();
    return values;
  }

  it('takes a fast path that agrees', async () => {
    const fast = variant('scale-fast', 'params.factor * x[i]', 'x[i] * params.factor');
    expect(await selfCheck(gpu, [pathTo(fast)])).to.deep.equal([{ name: 'scale-fast', ok: true, maxError: 0 }]);
    expect(gpu.facts.selfCheck[0]!.name).to.equal('scale-fast');
    expect(await run()).to.deep.equal([2, 4, 8]);
    expect(gpu.reports().map((report) => report.name)).to.include('scale-fast');
    expect(gpu.openScopes()).to.deep.equal([]);
  });

  it('switches off one that disagrees, and says by how much', async () => {
    const wrong = variant('scale-wrong', 'params.factor * x[i]', 'params.factor * x[i] * 1.5');
    const [result] = await selfCheck(gpu, [pathTo(wrong)]);
    expect(result).to.deep.equal({ name: 'scale-wrong', ok: false, maxError: 0.5 });
    expect(await run()).to.deep.equal([2, 4, 8]);
  });

  it('switches off one that does not compile, and does not disturb what follows', async () => {
    const broken = variant('scale-broken', 'params.factor * x[i]', 'nothing');
    const [result] = await selfCheck(gpu, [pathTo(broken)]);
    expect(result).to.deep.equal({ name: 'scale-broken', ok: false, maxError: Number.POSITIVE_INFINITY });
    expect(await run()).to.deep.equal([2, 4, 8]);
  });

  it('does not try what the device lacks, nor what does not pay', async () => {
    const lacking = variant('scale-astc', 'x[i]', 'x[i]', ['texture-compression-astc-hdr' as GPUFeatureName]);
    const slow = { ...pathTo(variant('scale-slow', 'x[i]', 'x[i]')), worthwhile: () => false };
    expect(await selfCheck(gpu, [pathTo(lacking), slow])).to.deep.equal([]);
    expect(await run()).to.deep.equal([2, 4, 8]);
    expect(gpu.reports().map((report) => report.name)).to.deep.equal(['scale']);
  });

  it('judges several paths one by one, in their order', async () => {
    const good = variant('scale-good', 'params.factor * x[i]', 'x[i] * params.factor');
    const wrong = variant('scale-wrong', 'params.factor * x[i]', 'params.factor * x[i] * 1.5');
    const results = await selfCheck(gpu, [pathTo(wrong), pathTo(good)]);
    expect(results.map(({ name, ok }) => [name, ok])).to.deep.equal([
      ['scale-wrong', false],
      ['scale-good', true],
    ]);
    expect(gpu.facts.selfCheck).to.deep.equal(results);
    await run();
    expect(gpu.reports().map((report) => report.name)).to.include('scale-good');
  });

  it('checks at start-up what pays on this device', async () => {
    const results = await checkFastPaths(gpu);
    const paying = fastPaths.filter(({ worthwhile }) => worthwhile?.(gpu.facts) ?? true);
    expect(results.map(({ name }) => name)).to.deep.equal(paying.map((path) => path.fast.name));
  });
});

/** One test per path: nearly all of the time is the software renderer's compiler, which takes seconds for a tiled kernel. */
describe('fast paths of the product, also where the device would not profit', () => {
  let gpu: Gpu;

  before(async () => {
    gpu = await Gpu.create();
  });

  after(() => {
    gpu.destroy();
  });

  for (const path of fastPaths) {
    it(`${path.fast.name} agrees with ${path.plain.name}`, async () => {
      const [result, ...others] = await selfCheck(gpu, [{ ...path, worthwhile: undefined }]);
      expect(others).to.deep.equal([]);
      expect(result?.name).to.equal(path.fast.name);
      expect(result!.ok, `off by ${result!.maxError}`).to.equal(true);
      expect(gpu.openScopes()).to.deep.equal([]);
    });
  }
});
