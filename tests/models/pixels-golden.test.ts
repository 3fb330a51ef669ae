import { expect } from '@esm-bundle/chai';
import { sha256Hex } from '../../src/models/load-file.ts';
import { fit, normalize, type PreprocessorConfig, pixelRecipe } from '../../src/models/pixels.ts';
import { VisionLanguageModel } from '../../src/models/vlm.ts';
import { decodePixels } from '../../src/pictures/decode-pixels.ts';
import type { RgbImage } from '../../src/pictures/rgb-image.ts';
import { decodeImage } from '../../src/state/decode.ts';
import { bundledFiles } from '../support/bundled.ts';
import { sharedGpu } from '../support/shared-gpu.ts';

/** What `golden/make_pixels_golden.py` writes: Pillow's pixels, the processors' values, the bundled VLM's answers. */
interface PixelsGolden {
  readonly model_sha256: string;
  readonly configs: Record<string, PreprocessorConfig>;
  readonly pictures: Record<
    string,
    {
      readonly size: [number, number];
      readonly rgb: string;
      readonly pixel_values: Record<string, { readonly sha256: string; readonly samples: Record<string, number> }>;
    }
  >;
  readonly prompt: string;
  readonly answer: string;
  readonly scores: readonly { readonly picture: string; readonly logps: number[] }[];
}

const fetched = (path: string) => fetch(new URL(path, import.meta.url));
const golden: PixelsGolden = await (await fetched('../golden/pixels.json')).json();
const names = Object.keys(golden.pictures);
const picture = async (name: string) => (await fetched(`../golden/pixels/${name}`)).blob();
const bytesOf = (array: Uint8Array | Float32Array) =>
  new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);

async function configs(): Promise<Record<string, PreprocessorConfig>> {
  const bundled = (folder: string) => fetched(`../../models/${folder}/preprocessor_config.json`);
  return {
    ...golden.configs,
    'toybox-vlm': await (await bundled('toybox-vlm')).json(),
    'toybox-clip': await (await bundled('toybox-clip')).json(),
  };
}

describe('pictures as Pillow and Hugging Face read them', () => {
  it('are of every kind', () => {
    expect(names.length).to.be.at.least(90);
    for (const kind of ['jpg', 'webp', 'png']) {
      for (let orientation = 1; orientation <= 8; orientation++) {
        expect(names).to.include(`exif-${orientation}.${kind}`);
      }
    }
  });

  let recipes: Record<string, PreprocessorConfig>;
  before(async () => {
    recipes = await configs();
  });

  for (const name of names) {
    it(`${name}: the same pixels and the same pixel_values, to the last bit`, async () => {
      const expected = golden.pictures[name];
      const blob = await picture(name);
      // By way of the page, which must not change what the model sees.
      const stored = await decodeImage(new File([blob], name), name);
      expect([stored.width, stored.height], 'size on the page').to.deep.equal(expected.size);
      const image: RgbImage = await decodePixels(stored.blob);
      expect([image.width, image.height]).to.deep.equal(expected.size);
      expect(await sha256Hex(bytesOf(image.data)), 'decoded').to.equal(expected.rgb);
      expect(Object.keys(expected.pixel_values)).to.include.members(['toybox-vlm', 'toybox-clip']);
      for (const [model, { sha256, samples }] of Object.entries(expected.pixel_values)) {
        const recipe = pixelRecipe(recipes[model], model);
        const values = normalize(fit(image, recipe), recipe);
        for (const [at, value] of Object.entries(samples))
          expect(values[Number(at)], `${model}[${at}]`).to.equal(value);
        expect(await sha256Hex(bytesOf(values)), model).to.equal(sha256);
      }
    });
  }

  it('have the same colours above and below 1,024 pixels', async () => {
    // Display-P3 at 1,600 pixels: colour-managed, its mean was 13 levels off.
    const { blob } = await decodeImage(await picture('p3-large.jpg'), 'p3-large.jpg');
    expect(await sha256Hex(bytesOf((await decodePixels(blob)).data))).to.equal(golden.pictures['p3-large.jpg'].rgb);
  });
});

describe('the bundled VLM on pictures of every kind, against transformers', () => {
  let vlm: VisionLanguageModel;

  before(async () => {
    const files = await bundledFiles('toybox-vlm', 'vlm');
    expect(golden.model_sha256).to.equal(await sha256Hex(files.bytes('weights')));
    vlm = await VisionLanguageModel.load(await sharedGpu(), files, () => undefined);
  });
  after(() => vlm.dispose());

  for (const { picture: name, logps } of golden.scores) {
    it(`${name}: the log-probability of every token within 1e-3`, async () => {
      const blob = await picture(name);
      const { id, blob: stored } = await decodeImage(new File([blob], name), name);
      const input = await vlm.prompt({ id, blob: stored }, golden.prompt);
      const responseIds = vlm.tokenizer.encodeResponse(golden.answer);
      const score = await vlm.policy.score({ ...input, responseIds });
      expect(score.logps.length).to.equal(logps.length);
      for (let i = 0; i < logps.length; i++) expect(score.logps[i], `token ${i}`).to.be.closeTo(logps[i], 1e-3);
    });
  }
});
