import { expect } from '@esm-bundle/chai';
import { InputError, ModelFileError } from '../../src/errors.ts';
import { fit, normalize, pixelRecipe } from '../../src/models/pixels.ts';
import { centerCrop, type Resample, resize } from '../../src/models/resample.ts';
import { decodePixels } from '../../src/pictures/decode-pixels.ts';
import type { RgbImage } from '../../src/pictures/rgb-image.ts';
import { png } from '../support/pictures.ts';

interface Golden {
  readonly cases: readonly {
    readonly from: [number, number];
    readonly to: [number, number];
    readonly resample: Resample;
    readonly rgb: string;
  }[];
}

/** The picture of `golden/make_pillow_resize.py`. */
const color = (x: number, y: number) => [(x * 37 + y * 11) & 255, (x * y * 5) & 255, (x + y) % 3 ? 255 : 0];

function image(width: number, height: number, rgb = color): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return rgb(pixel % width, Math.floor(pixel / width))[i % 3];
  });
  return { width, height, data };
}

describe('resampling', () => {
  it('gives the bytes that Pillow gives', async () => {
    const golden: Golden = await (await fetch(new URL('../golden/pillow-resize.json', import.meta.url))).json();
    expect(golden.cases.length).to.equal(16);
    for (const { from, to, resample, rgb } of golden.cases) {
      const resized = resize(image(...from), ...to, resample);
      const hex = Array.from(resized.data, (byte) => byte.toString(16).padStart(2, '0')).join('');
      expect(hex, `${from} -> ${to}, filter ${resample}`).to.equal(rgb);
    }
  });

  it('crops the centre', () => {
    const cropped = centerCrop(image(7, 5), 3, 3);
    expect(Array.from(cropped.data.subarray(0, 3))).to.deep.equal(color(2, 1));
    expect(Array.from(cropped.data.subarray(24))).to.deep.equal(color(4, 3));
  });
});

describe('pixels', () => {
  it('decodes a PNG to the pixels it holds', async () => {
    const decoded = await decodePixels(await png(9, 6, color));
    expect([decoded.width, decoded.height]).to.deep.equal([9, 6]);
    expect(Array.from(decoded.data)).to.deep.equal(Array.from(image(9, 6).data));
  });

  it('puts transparency over white', async () => {
    const decoded = await decodePixels(await png(1, 1, () => [0, 0, 0, 0]));
    expect(Array.from(decoded.data)).to.deep.equal([255, 255, 255]);
  });

  it('says what to do about a file that is no picture', async () => {
    const error = await decodePixels(new Blob(['text'])).then(
      () => null,
      (caught) => caught,
    );
    expect(error).to.be.instanceOf(InputError);
    expect(error.message).to.contain('PNG, JPEG or WebP');
  });

  it('squashes for Idefics3 and crops for CLIP', () => {
    const idefics = pixelRecipe(
      { size: { longest_edge: 2048 }, max_image_size: { longest_edge: 16 }, resample: 1 },
      'f',
    );
    expect(fit(image(30, 20), idefics)).to.include({ width: 16, height: 16 });
    const clip = pixelRecipe({ size: { shortest_edge: 8 }, crop_size: { width: 8, height: 8 }, resample: 3 }, 'f');
    expect(fit(image(31, 20), clip)).to.include({ width: 8, height: 8 });
    expect(clip.fit).to.equal('crop');
  });

  it('normalises per channel, planes first', () => {
    const recipe = pixelRecipe(
      { size: { height: 1, width: 2 }, image_mean: [0, 0.5, 0.5], image_std: [1, 0.5, 0.25] },
      'f',
    );
    const values = normalize(
      image(2, 1, (x) => [x * 255, 0, 255]),
      recipe,
    );
    expect(Array.from(values)).to.deep.equal([0, 1, -1, -1, 2, 2]);
  });

  it('names a config without a size', () => {
    expect(() => pixelRecipe({}, 'preprocessor_config.json')).to.throw(ModelFileError, 'preprocessor_config.json');
  });
});
