import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import { contentId, decodeImage, LONGEST_SIDE } from '../../src/state/decode.ts';
import { type ImageFormat, readImageHeader } from '../../src/state/image-header.ts';
import { encodePng } from '../../src/state/png.ts';
import {
  animatedGif,
  avifHalves,
  avifHeader,
  gifHeader,
  jpegHeader,
  pixelAt,
  pngHeader,
  twoHalves,
  webpHeader,
  withOrientation,
} from '../support/image-bytes.ts';
import { random as seeded } from '../support/random.ts';

const isRed = ([r, g, b]: readonly number[]) => r > 200 && g < 60 && b < 60;
const isBlue = ([r, g, b]: readonly number[]) => r < 60 && g < 60 && b > 200;

async function refusal(file: Blob, name = 'file'): Promise<string> {
  try {
    await decodeImage(file, name);
  } catch (error) {
    expect(error).to.be.instanceOf(InputError);
    return (error as Error).message;
  }
  throw new Error('the file was accepted');
}

describe('readImageHeader', () => {
  const headers: [ImageFormat, (width: number, height: number) => Uint8Array][] = [
    ['png', pngHeader],
    ['jpeg', jpegHeader],
    ['gif', gifHeader],
    ['webp', webpHeader],
    ['avif', avifHeader],
  ];
  for (const [format, make] of headers) {
    it(`tells the size of a ${format}`, () => {
      const header = readImageHeader(make(12345, 678));
      expect(header?.format).to.equal(format);
      expect(header?.size).to.deep.equal({ width: 12345, height: 678 });
    });
  }

  for (const type of ['image/png', 'image/jpeg', 'image/webp']) {
    it(`agrees with the browser on a real ${type}`, async () => {
      const blob = await twoHalves(37, 21, type);
      const header = readImageHeader(new Uint8Array(await blob.arrayBuffer()));
      expect(header?.size).to.deep.equal({ width: 37, height: 21 });
      expect(header?.animated).to.equal(false);
    });
  }

  it('knows no format in other bytes', () => {
    expect(readImageHeader(new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"/>'))).to.equal(null);
    expect(readImageHeader(new Uint8Array([1, 2]))).to.equal(null);
  });

  it('survives any cut of any header', () => {
    for (const [, make] of headers) {
      const whole = make(300, 200);
      for (let length = 0; length <= whole.length; length++) readImageHeader(whole.slice(0, length));
    }
  });

  it('survives random bytes behind every signature', () => {
    const random = seeded(7);
    for (const [, make] of headers) {
      for (let trial = 0; trial < 50; trial++) {
        const bytes = new Uint8Array(300);
        for (let i = 0; i < bytes.length; i++) bytes[i] = random.int(256);
        bytes.set(make(9, 9).slice(0, 12 + random.int(20)));
        readImageHeader(bytes);
      }
    }
  });
});

describe('decodeImage', () => {
  it('keeps the bytes of a small picture', async () => {
    for (const type of ['image/png', 'image/jpeg', 'image/webp']) {
      const file = await twoHalves(40, 30, type);
      const decoded = await decodeImage(file, 'picture');
      expect([decoded.width, decoded.height]).to.deep.equal([40, 30]);
      expect(decoded.id).to.equal(await contentId(file));
      expect(decoded.blob.type).to.equal(type);
    }
  });

  it('scales a large picture down and keeps its format family', async () => {
    const decoded = await decodeImage(await twoHalves(2600, 1300, 'image/jpeg'), 'large');
    expect([decoded.width, decoded.height]).to.deep.equal([LONGEST_SIDE, LONGEST_SIDE / 2]);
    expect(decoded.blob.type).to.equal('image/jpeg');
    const png = await decodeImage(await twoHalves(1500, 20, 'image/png'), 'large');
    expect(png.blob.type).to.equal('image/png');
    expect(isRed(await pixelAt(decoded.blob, 100, 100))).to.equal(true);
    expect(isBlue(await pixelAt(decoded.blob, 900, 100))).to.equal(true);
  });

  it('turns a picture upright by its EXIF orientation', async () => {
    // Orientation 6: the stored left edge is the top of the picture.
    const turned = await withOrientation(await twoHalves(64, 32, 'image/jpeg'), 6);
    const decoded = await decodeImage(turned, 'turned');
    expect([decoded.width, decoded.height]).to.deep.equal([32, 64]);
    expect(isRed(await pixelAt(decoded.blob, 16, 8))).to.equal(true);
    expect(isBlue(await pixelAt(decoded.blob, 16, 56))).to.equal(true);
    const plain = await createImageBitmap(decoded.blob, { imageOrientation: 'none' as ImageOrientation });
    expect([plain.width, plain.height]).to.deep.equal([32, 64]);
  });

  it('takes the first frame of a GIF, as a still picture', async () => {
    const decoded = await decodeImage(new Blob([animatedGif()]), 'moving.gif');
    expect(decoded.blob.type).to.equal('image/png');
    expect(isRed(await pixelAt(decoded.blob, 0, 0))).to.equal(true);
  });

  it('reads AVIF', async () => {
    const file = await avifHalves();
    const header = readImageHeader(new Uint8Array(await file.arrayBuffer()));
    expect(header).to.deep.include({ format: 'avif', size: { width: 24, height: 12 } });
    const decoded = await decodeImage(file, 'halves.avif');
    expect([decoded.width, decoded.height]).to.deep.equal([24, 12]);
    expect(isRed(await pixelAt(decoded.blob, 4, 6))).to.equal(true);
    expect(isBlue(await pixelAt(decoded.blob, 20, 6))).to.equal(true);
  });

  it('goes by the bytes, not by the name or the type', async () => {
    const bytes = await (await twoHalves(8, 8, 'image/png')).arrayBuffer();
    const decoded = await decodeImage(new File([bytes], 'photo.jpg', { type: 'image/jpeg' }), 'photo.jpg');
    expect(decoded.blob.type).to.equal('image/png');
  });

  it('refuses an empty file', async () => {
    expect(await refusal(new Blob([]), 'void.png')).to.include('void.png is empty');
  });

  it('refuses what is not a picture', async () => {
    expect(await refusal(new Blob(['hello'], { type: 'image/png' }), 'notes.txt')).to.include(
      'notes.txt is not a picture',
    );
  });

  it('refuses a damaged picture', async () => {
    const whole = await twoHalves(64, 64, 'image/png');
    const message = await refusal(whole.slice(0, 40), 'torn.png');
    expect(message).to.include('torn.png is damaged').and.to.include('PNG');
  });

  it('refuses 100 megapixels by the header, before decoding', async () => {
    const makers = [pngHeader, jpegHeader, webpHeader, avifHeader];
    for (const make of makers) {
      // Were it decoded, it would be called damaged: there is nothing behind the header.
      const message = await refusal(new Blob([make(12000, 9000)]), 'huge');
      expect(message).to.include('12000 × 9000').and.to.include('108 megapixels');
    }
  });
});

describe('encodePng', () => {
  it('stores exactly the pixels it was given', async () => {
    const random = seeded(3);
    const [width, height] = [13, 7];
    const rgba = new Uint8ClampedArray(width * height * 4);
    for (let i = 0; i < rgba.length; i++) rgba[i] = i % 4 === 3 ? 255 : random.int(256);
    const blob = await encodePng(rgba, width, height);
    const bitmap = await createImageBitmap(blob);
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.drawImage(bitmap, 0, 0);
    expect([...context.getImageData(0, 0, width, height).data]).to.deep.equal([...rgba]);
    expect(await contentId(await encodePng(rgba, width, height))).to.equal(await contentId(blob));
  });
});
