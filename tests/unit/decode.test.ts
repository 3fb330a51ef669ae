import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import { decodePixels } from '../../src/pictures/decode-pixels.ts';
import { contentId, decodeImage, PREVIEW_SIDE } from '../../src/state/decode.ts';
import { type ImageFormat, readImageHeader } from '../../src/state/image-header.ts';
import { withoutTransparency } from '../../src/state/opaque.ts';
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

  it('keeps the bytes of a large picture and gives the page a smaller one to show', async () => {
    const file = await twoHalves(2600, 1300, 'image/jpeg');
    const decoded = await decodeImage(file, 'large');
    expect([decoded.width, decoded.height]).to.deep.equal([2600, 1300]);
    expect(decoded.id).to.equal(await contentId(file));
    const shown = await createImageBitmap(decoded.preview!);
    expect([shown.width, shown.height]).to.deep.equal([PREVIEW_SIDE, PREVIEW_SIDE / 2]);
    expect(isRed(await pixelAt(decoded.preview!, 100, 100))).to.equal(true);
    expect(isBlue(await pixelAt(decoded.preview!, 900, 100))).to.equal(true);
    expect((await decodeImage(await twoHalves(800, 20, 'image/png'), 'small')).preview).to.equal(undefined);
  });

  it('turns a picture upright by its EXIF orientation, for page and model, and keeps its bytes', async () => {
    // Orientation 6: the stored left edge is the top of the picture.
    const turned = await withOrientation(await twoHalves(64, 32, 'image/jpeg'), 6);
    const decoded = await decodeImage(turned, 'turned');
    expect([decoded.width, decoded.height]).to.deep.equal([32, 64]);
    expect(decoded.id).to.equal(await contentId(turned));
    expect(isRed(await pixelAt(decoded.preview!, 16, 8))).to.equal(true);
    expect(isBlue(await pixelAt(decoded.preview!, 16, 56))).to.equal(true);
    const { width, height, data } = await decodePixels(decoded.blob);
    expect([width, height]).to.deep.equal([32, 64]);
    expect(isRed([...data.subarray(0, 3)])).to.equal(true);
    expect(isBlue([...data.subarray(-3)])).to.equal(true);
  });

  it('shows what the model sees, whichever way the file says what is up', async () => {
    const golden = await (await fetch(new URL('../golden/pixels.json', import.meta.url))).json();
    const turned = Object.keys(golden.pictures).filter((name) => /^(exif-|exif6|xmp-)/.test(name));
    expect(turned.length).to.be.at.least(28);
    for (const name of turned) {
      const file = await (await fetch(new URL(`../golden/pixels/${name}`, import.meta.url))).blob();
      const decoded = await decodeImage(file, name);
      const shown = await decodePixels(decoded.preview ?? decoded.blob);
      const seen = await decodePixels(decoded.blob);
      const scale = seen.width / shown.width;
      // Far corners and the middle: a wrong turn or mirror shows in them; encoding and scaling hardly do.
      for (const [u, v] of [
        [0.1, 0.1],
        [0.9, 0.1],
        [0.1, 0.9],
        [0.9, 0.9],
        [0.5, 0.5],
      ]) {
        const at = (image: typeof shown, factor: number) =>
          (Math.floor(v * shown.height * factor) * image.width + Math.floor(u * shown.width * factor)) * 3;
        const [a, b] = [at(shown, 1), at(seen, scale)];
        for (const channel of [0, 1]) {
          expect(shown.data[a + channel], `${name} at ${u}, ${v}`).to.be.closeTo(seen.data[b + channel], 40);
        }
      }
    }
  });

  it('keeps a GIF and shows its first frame, as a still picture', async () => {
    const decoded = await decodeImage(new Blob([animatedGif()]), 'moving.gif');
    expect(decoded.blob.type).to.equal('image/gif');
    expect(decoded.preview?.type).to.equal('image/png');
    expect(isRed(await pixelAt(decoded.preview!, 0, 0))).to.equal(true);
  });

  it('says that 16-bit greyscale is white to the models', async () => {
    const file = await (await fetch(new URL('../golden/pixels/grey-16bit.png', import.meta.url))).blob();
    expect((await decodeImage(file, 'scan.png')).caution).to.include('scan.png is 16-bit greyscale');
    const torn = new Blob([(await file.arrayBuffer()).slice(0, 600)]);
    expect(await refusal(torn, 'torn.png')).to.include('torn.png is damaged');
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

describe('withoutTransparency', () => {
  it('keeps opaque bytes and puts the rest over white, as the models see it', async () => {
    for (const name of ['rgba.png', 'palette-key.png', 'lossy-alpha.webp', 'transparent.gif', 'rgba-zero-alpha.png']) {
      const file = await (await fetch(new URL(`../golden/pixels/${name}`, import.meta.url))).blob();
      const opaque = await withoutTransparency(file);
      expect((await decodePixels(opaque)).data, name).to.deep.equal((await decodePixels(file)).data);
      // Nothing shows through any more.
      expect((await decodePixels(opaque, '#000000')).data, name).to.deep.equal((await decodePixels(file)).data);
    }
    for (const name of ['palette.png', 'photo-chelsea.jpg', 'p3.webp', 'exif-6.png']) {
      const file = await (await fetch(new URL(`../golden/pixels/${name}`, import.meta.url))).blob();
      expect(await withoutTransparency(file), name).to.equal(file);
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
