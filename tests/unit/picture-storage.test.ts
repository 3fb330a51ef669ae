import { expect } from '@esm-bundle/chai';
import { contentId } from '../../src/state/decode.ts';
import { ImageLibrary } from '../../src/state/images.ts';
import { makeApp, stateWhere } from '../support/app.ts';

async function file(name: string): Promise<File> {
  const response = await fetch(new URL(`../golden/pixels/${name}`, import.meta.url));
  return new File([await response.arrayBuffer()], name);
}

async function shownSize(url: string): Promise<[number, number]> {
  const image = new Image();
  image.src = url;
  await image.decode();
  return [image.naturalWidth, image.naturalHeight];
}

/** What the page used to encode again: turned, large, moving, lossy. */
const KINDS = [
  'exif6.webp',
  'exif-6-after-pixels.png',
  'exif-6-large.jpg',
  'animated.gif',
  'opaque.avif',
  'p3-large.jpg',
];

describe('stored pictures', () => {
  it('are the files that were added, upright on the page, and the same after export and import', async () => {
    const app = await makeApp();
    const files = await Promise.all(KINDS.map(file));
    const records = await app.intents.addImages(files);
    expect(records.map(({ name }) => name)).to.deep.equal(KINDS);
    for (const [index, { id, width, height, bytes }] of records.entries()) {
      expect(id, KINDS[index]).to.equal(await contentId(files[index]));
      expect(bytes).to.equal(files[index].size);
      const [wide, high] = await shownSize(app.images.url(id));
      expect(wide / high, `shape of ${KINDS[index]}`).to.be.closeTo(width / height, 0.01);
      expect(Math.max(wide, high)).to.be.at.most(1024);
    }
    const other = await makeApp();
    expect(await other.intents.importWorkspace(await app.intents.exportWorkspace())).to.equal(true);
    // The detector of each page looks for itself.
    for (const each of [app, other]) {
      await stateWhere(each, ({ images }) => images.every(({ seen }) => seen), 'the detector to look');
    }
    expect(other.store.state.images).to.deep.equal(app.store.state.images);
    app.dispose();
    other.dispose();
  });

  it('bring the copy to show along to the next visit, and sweeping keeps it', async () => {
    const kept = new Map<string, Blob>();
    const bytes = {
      put: async (id: string, blob: Blob) => void kept.set(id, blob),
      get: async (id: string) => kept.get(id),
    };
    const [picture, preview] = [new Blob(['picture']), new Blob(['preview'])];
    await new ImageLibrary(bytes).put('a', picture, preview);
    const next = new ImageLibrary(bytes);
    expect(await next.preload(['a', 'b'])).to.deep.equal(['b']);
    for (const id of kept.keys()) expect(next.has(id), id).to.equal(true);
    expect(await (await next.blob('a')).text()).to.equal('picture');
    expect(await (await fetch(next.url('a'))).text()).to.equal('preview');
    next.dispose();
  });

  it('say when the models see less than the page shows', async () => {
    const app = await makeApp();
    await app.intents.addImages([await file('grey-16bit.png')]);
    expect(app.store.state.notices.some(({ message }) => message.includes('16-bit greyscale'))).to.equal(true);
    app.dispose();
  });
});
