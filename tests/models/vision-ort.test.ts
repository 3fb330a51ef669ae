import { expect } from '@esm-bundle/chai';
import { EngineError, InputError, ModelFileError } from '../../src/errors.ts';
import type { Gpu } from '../../src/kernels/gpu/index.ts';
import { liveGpuOutputs, OrtSession } from '../../src/models/ort.ts';
import { normalize, pixelRecipe } from '../../src/models/pixels.ts';
import { VisionTower } from '../../src/models/vision-tower.ts';
import { decodePixels } from '../../src/pictures/decode-pixels.ts';
import { picture } from '../support/pictures.ts';
import { random } from '../support/random.ts';
import { scale } from '../support/scale.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { tinyVisionEncoder } from '../support/tiny-onnx.ts';

const EDGE = 32;
const PATCH = 8;
const HIDDEN = 24;
const TOKENS = (EDGE / PATCH) ** 2;
const weights = random(7).normals(HIDDEN * 3 * PATCH * PATCH, 0.1);
const model = tinyVisionEncoder(EDGE, PATCH, HIDDEN, weights);
const preprocessor = {
  do_resize: true,
  size: { longest_edge: EDGE },
  max_image_size: { longest_edge: EDGE },
  resample: 1,
};
const files = { model, name: 'tiny/onnx/vision_encoder.onnx', preprocessor };
const recipe = pixelRecipe(preprocessor, 'preprocessor_config.json');

/** The same convolution in plain loops, f64. */
function expectedFeatures(pixels: Float32Array): number[] {
  const side = EDGE / PATCH;
  const features: number[] = [];
  for (let token = 0; token < TOKENS; token++) {
    const [top, left] = [Math.floor(token / side) * PATCH, (token % side) * PATCH];
    for (let h = 0; h < HIDDEN; h++) {
      let sum = 0;
      for (let c = 0; c < 3; c++) {
        for (let y = 0; y < PATCH; y++) {
          for (let x = 0; x < PATCH; x++) {
            const weight = weights[((h * 3 + c) * PATCH + y) * PATCH + x];
            sum += weight * pixels[(c * EDGE + top + y) * EDGE + left + x];
          }
        }
      }
      features.push(sum);
    }
  }
  return features;
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4) {
  expect(actual.length).to.equal(expected.length);
  for (let i = 0; i < expected.length; i++) expect(actual[i]).to.be.closeTo(expected[i], tolerance);
}

describe('ONNX Runtime on our device', () => {
  let gpu: Gpu;
  const image = random(3).normals(3 * EDGE * EDGE);
  const feeds = { pixel_values: { type: 'float32', data: image, dims: [1, 3, EDGE, EDGE] } } as const;

  before(async () => {
    gpu = await sharedGpu();
  });

  it('leaves an output on the GPU that binds in our kernel as it is', async () => {
    const session = await OrtSession.create(model, { provider: 'webgpu', gpu, output: 'gpu', label: 'tiny' });
    const scope = gpu.scope('test');
    const output = await session.runOnGpu(feeds, 'image_features');
    expect(output.tensor.shape).to.deep.equal([1, TOKENS, HIDDEN]);
    const y = scope.tensor('f32', [TOKENS * HIDDEN], 'y');
    gpu.run(scale, { x: output.tensor.reshape([TOKENS * HIDDEN]), y }, { factor: 2 });
    const doubled = await gpu.read(y);
    expectClose(
      doubled,
      expectedFeatures(image).map((value) => 2 * value),
    );
    output.dispose();
    scope.dispose();
    await session.release();
  });

  it('gives the same on WASM', async () => {
    const session = await OrtSession.create(model, { provider: 'wasm', output: 'cpu', label: 'tiny' });
    expect(session.inputs[0].name).to.equal('pixel_values');
    const { image_features } = await session.run(feeds);
    expectClose(image_features.data as Float32Array, expectedFeatures(image));
    await session.release();
  });

  it('runs calls made at once one after another', async () => {
    const session = await OrtSession.create(model, { provider: 'webgpu', gpu, output: 'gpu', label: 'tiny' });
    const outputs = await Promise.all([1, 2, 3].map(() => session.runOnGpu(feeds, 'image_features')));
    for (const output of outputs) {
      expectClose(await gpu.read(output.tensor), expectedFeatures(image));
      output.dispose();
    }
    await session.release();
  });

  it('names the file when it is no model, and goes on working', async () => {
    const broken = OrtSession.create(new Uint8Array(64), { provider: 'wasm', output: 'cpu', label: 'broken.onnx' });
    const error = await broken.then(
      () => null,
      (caught) => caught,
    );
    expect(error).to.be.instanceOf(EngineError);
    expect(error.subject).to.equal('broken.onnx');
    const session = await OrtSession.create(model, { provider: 'wasm', output: 'cpu', label: 'tiny' });
    await session.release();
  });

  it('does not grow over repeated runs', async () => {
    const tower = await VisionTower.load(gpu, files);
    await tower.features(await picture('warm'));
    const before = gpu.liveBytes;
    for (let i = 0; i < 100; i++) await tower.features(await picture(`image-${i}`, EDGE, i));
    const full = gpu.liveBytes;
    for (let i = 100; i < 150; i++) await tower.features(await picture(`image-${i}`, EDGE, i));
    expect(gpu.liveBytes).to.equal(full);
    expect(full - before).to.be.at.most(64 * 2048);
    expect(liveGpuOutputs()).to.equal(0);
    await tower.dispose();
    expect(gpu.openScopes().filter((scope) => scope.label.startsWith('visual'))).to.deep.equal([]);
  });
});

describe('VisionTower', () => {
  it('agrees between WebGPU and WASM and gives the features of the picture', async () => {
    const gpu = await sharedGpu();
    const tower = await VisionTower.load(gpu, files);
    expect(tower.provider).to.equal('webgpu');
    expect(tower.agreement).to.be.below(1e-4);
    expect([tower.visualTokens, tower.hidden]).to.deep.equal([TOKENS, HIDDEN]);
    const input = await picture('one');
    const features = await tower.features(input);
    expect(features.shape).to.deep.equal([TOKENS, HIDDEN]);
    const pixels = normalize(await decodePixels(input.blob), recipe);
    expectClose(await gpu.read(features), expectedFeatures(pixels));
    expect(await tower.features(input)).to.equal(features);
    await tower.dispose();
  });

  it('refuses a file that is not a picture', async () => {
    const tower = await VisionTower.load(await sharedGpu(), files);
    const error = await tower.features({ id: 'x', blob: new Blob(['no picture']) }).then(
      () => null,
      (caught) => caught,
    );
    expect(error).to.be.instanceOf(InputError);
    await tower.dispose();
  });

  it('names a damaged model file', async () => {
    const damaged = model.slice(0, 200);
    const load = VisionTower.load(await sharedGpu(), { ...files, model: damaged });
    const error = await load.then(
      () => null,
      (caught) => caught,
    );
    expect(error).to.be.instanceOf(ModelFileError);
    expect(error.subject).to.equal(files.name);
  });
});
