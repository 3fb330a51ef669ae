import { expect } from '@esm-bundle/chai';
import '../../src/components/camera/margin-camera.ts';
import { cameraMessage, type MarginCamera } from '../../src/components/camera/margin-camera.ts';
import '../../src/components/images/margin-images.ts';
import type { MarginImages } from '../../src/components/images/margin-images.ts';
import { sortFiles } from '../../src/components/images/transfer.ts';
import { truthWords } from '../../src/components/images/truth.ts';
import type { Sighting } from '../../src/photographs/index.ts';
import type { Scene } from '../../src/toybox/index.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, buttons, deep, deepAll, mount, press, settled, unmountAll } from '../support/mount.ts';
import { until } from '../support/until.ts';

const SCENE: Scene = {
  background: 'grass',
  objects: [
    { noun: 'cat', style: 'noto', x: 5, y: 40, size: 36 },
    { noun: 'tree', style: 'noto', x: 80, y: 40, size: 36 },
  ],
};

const SEES: readonly Sighting[] = [
  { noun: 'dog', chance: 0.97, boxes: [{ x1: 0.1, y1: 0.2, x2: 0.5, y2: 0.7, score: 0.8 }] },
  {
    noun: 'knife',
    chance: 0.9,
    boxes: [
      { x1: 0.6, y1: 0.2, x2: 0.7, y2: 0.7, score: 0.7 },
      { x1: 0.8, y1: 0.2, x2: 0.9, y2: 0.7, score: 0.5 },
    ],
  },
  { noun: 'cup', chance: 0.5, boxes: [] },
];

async function mountImages(): Promise<{ app: TestApp; element: MarginImages }> {
  const app = await makeApp();
  return { app, element: await mount<MarginImages>('margin-images', { app }) };
}

/** A drop or paste event with files, as a browser makes one. */
function transferOf(...files: File[]): DataTransfer {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  return transfer;
}

describe('margin-images', () => {
  afterEach(unmountAll);

  it('says how pictures come in while there are none', async () => {
    const { element, app } = await mountImages();
    expect(deep(element, '.empty').textContent).to.include('Drop or paste');
    for (const name of ['Add images', 'Camera', 'Add sample scenes', 'Compose']) button(element, name);
    await expectAccessible(element);
    app.dispose();
  });

  it('lists pictures, selects by press and by key, and removes with undo', async () => {
    const { element, app } = await mountImages();
    await app.intents.addImages([await plainPicture(), await plainPicture([0, 0, 255], 'blue.png')]);
    await settled(element);
    const thumbs = deepAll<HTMLButtonElement>(element, '.thumb');
    expect(thumbs.map((thumb) => thumb.getAttribute('aria-label'))).to.deep.equal(['red.png', 'blue.png']);
    expect(thumbs[0].getAttribute('aria-current')).to.equal('true');
    thumbs[0].focus();
    press('ArrowRight', thumbs[0]);
    await settled(element);
    expect(app.store.state.selectedImage).to.equal(app.store.state.images[1].id);
    press('Delete', thumbs[1]);
    await settled(element);
    expect(app.store.state.images.map(({ name }) => name)).to.deep.equal(['red.png']);
    app.intents.undo();
    await settled(element);
    expect(deepAll(element, '.thumb')).to.have.length(2);
    button(element, 'Remove blue.png').click();
    expect(app.store.state.images).to.have.length(1);
    await expectAccessible(element);
    app.dispose();
  });

  it('takes pictures dropped anywhere on the page', async () => {
    const { element, app } = await mountImages();
    const dataTransfer = transferOf(await plainPicture());
    const over = new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true });
    document.body.dispatchEvent(over);
    await settled(element);
    expect(over.defaultPrevented, 'the page may be dropped on').to.equal(true);
    expect(deep(element, '.drop').textContent).to.include('Drop pictures');
    const drop = new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true });
    document.body.dispatchEvent(drop);
    expect(drop.defaultPrevented, 'the browser must not open the file').to.equal(true);
    await stateWhere(app, ({ images }) => images.length === 1, 'the dropped picture');
    await settled(element);
    expect(deepAll(element, '.drop')).to.have.length(0);
    app.dispose();
  });

  it('takes pasted pictures, and leaves pasted text alone', async () => {
    const { app } = await mountImages();
    const words = new DataTransfer();
    words.setData('text/plain', 'hello');
    const text = new ClipboardEvent('paste', { clipboardData: words, bubbles: true, cancelable: true });
    document.body.dispatchEvent(text);
    expect(text.defaultPrevented).to.equal(false);
    const clipboardData = transferOf(await plainPicture());
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    await stateWhere(app, ({ images }) => images.length === 1, 'the pasted picture');
    app.dispose();
  });

  it('takes files from the dialog', async () => {
    const { element, app } = await mountImages();
    const input = deep<HTMLInputElement>(element, 'input[type=file]');
    expect(input.multiple).to.equal(true);
    input.files = transferOf(await plainPicture()).files;
    input.dispatchEvent(new Event('change'));
    await stateWhere(app, ({ images }) => images.length === 1, 'the chosen picture');
    app.dispose();
  });

  it('opens a dropped workspace file as a workspace', async () => {
    const source = await makeApp();
    await source.intents.addImages([await plainPicture()]);
    const file = new File([await source.intents.exportWorkspace()], 'margin-workspace.zip');
    source.dispose();
    const { app } = await mountImages();
    document.body.dispatchEvent(
      new DragEvent('drop', { dataTransfer: transferOf(file), bubbles: true, cancelable: true }),
    );
    await stateWhere(app, ({ images }) => images.length === 1, 'the picture of the workspace');
    app.dispose();
  });

  it('shows the truth of a scene on request', async () => {
    const { element, app } = await mountImages();
    await app.intents.addScene(SCENE);
    await settled(element);
    expect(deepAll(element, 'margin-truth')).to.have.length(0);
    button(element, 'Truth').click();
    await settled(element);
    const words = deep(element, 'dl[aria-label="Truth of the scene"]').textContent;
    expect(words).to.include('1 cat, 1 tree').and.to.include('on the grass').and.to.include('cat left of tree');
    await expectAccessible(element);
    app.dispose();
  });

  it('shows what the detector saw in a photograph as chips, with its error rates', async () => {
    const { element, app } = await mountImages();
    app.engine.sees = SEES;
    await app.intents.addImages([await plainPicture()]);
    await stateWhere(app, ({ images }) => images[0].seen !== undefined, 'the detector to look');
    await settled(element);
    const chips = deepAll(element, '[aria-label="Seen by the detector"] button');
    expect(chips.map((chip) => chip.textContent?.trim())).to.deep.equal(['dog', '2 knives']);
    const words = deep(element, 'margin-seen').shadowRoot!.textContent!.replace(/\s+/g, ' ');
    expect(words).to.include('Not sure of 1 other').and.to.include('cup. They count neither');
    expect(words).to.include('flags 5.0 % of right nouns, passes 10 % of wrong ones');
    expect(deepAll(element, 'margin-truth')).to.have.length(0);
    await expectAccessible(element);
    app.dispose();
  });

  it('draws boxes where they are, for a picture of any shape', async () => {
    const { element, app } = await mountImages();
    app.engine.sees = SEES;
    await app.intents.addImages([await plainPicture()]);
    await stateWhere(app, ({ images }) => images[0].seen !== undefined, 'the detector to look');
    await settled(element);
    expect(deepAll(element, 'margin-boxes')).to.have.length(0);
    expect(button(element, 'Boxes').getAttribute('aria-pressed')).to.equal('false');
    button(element, 'Boxes').click();
    await settled(element);
    expect(button(element, 'Boxes').getAttribute('aria-pressed')).to.equal('true');
    expect(deepAll(element, '.box')).to.have.length(3);
    const [{ id }] = app.store.state.images;
    for (const [width, height] of [
      [640, 480],
      [480, 640],
      [4000, 20],
      [16, 16],
    ]) {
      app.store.update((state) => ({
        ...state,
        images: state.images.map((image) => (image.id === id ? { ...image, width, height } : image)),
      }));
      await settled(element);
      const frame = deep(element, '.picture').getBoundingClientRect();
      const [room, tall] = [frame.width - 2, frame.height - 2]; // within its border
      const scale = Math.min(room / width, tall / height);
      const dog = deepAll(element, '.box')
        .find((box) => box.textContent?.includes('dog'))!
        .getBoundingClientRect();
      const left = frame.left + 1 + (room - scale * width) / 2;
      const top = frame.top + 1 + (tall - scale * height) / 2;
      const at = `${width}x${height}`;
      expect(dog.left, `${at} left`).to.be.closeTo(left + 0.1 * scale * width, 0.6);
      expect(dog.top, `${at} top`).to.be.closeTo(top + 0.2 * scale * height, 0.6);
      // A border has a width of its own, however small the box.
      expect(dog.width, `${at} width`).to.be.closeTo(Math.max(2, 0.4 * scale * width), 0.6);
      expect(dog.height, `${at} height`).to.be.closeTo(Math.max(2, 0.5 * scale * height), 0.6);
    }
    app.dispose();
  });

  it('lets the boxes of a chip stand out while it is pointed at, and keeps them after a press', async () => {
    const { element, app } = await mountImages();
    app.engine.sees = SEES;
    await app.intents.addImages([await plainPicture(), await plainPicture([0, 0, 255], 'blue.png')]);
    await stateWhere(app, ({ images }) => images.every(({ seen }) => seen), 'the detector to look');
    await settled(element);
    const boxes = () => deepAll(element, '.box').map((box) => [...box.classList].sort().join(' '));
    button(element, '2 knives').dispatchEvent(new PointerEvent('pointerenter'));
    await settled(element);
    expect(boxes(), 'those of the chip alone').to.deep.equal(['box pointed', 'box pointed']);
    button(element, 'Boxes').click();
    await settled(element);
    expect(boxes()).to.deep.equal(['box pale', 'box pointed', 'box pointed']);
    button(element, '2 knives').dispatchEvent(new PointerEvent('pointerleave'));
    await settled(element);
    expect(boxes()).to.deep.equal(['box', 'box', 'box']);
    button(element, 'dog').click();
    await settled(element);
    expect(button(element, 'dog').getAttribute('aria-pressed')).to.equal('true');
    expect(boxes()).to.deep.equal(['box pale', 'box pale', 'box pointed']);
    app.intents.selectImage(app.store.state.images[1].id);
    await settled(element);
    expect(boxes(), 'another picture').to.deep.equal(['box', 'box', 'box']);
    app.dispose();
  });

  it('says that nobody has looked yet, and why the detector could not', async () => {
    const { element, app } = await mountImages();
    let refuse = () => {};
    app.engine.before = (method) =>
      method === 'look'
        ? new Promise((_, reject) => {
            refuse = () => reject(new Error('The picture cannot be read.'));
          })
        : undefined;
    await app.intents.addImages([await plainPicture()]);
    await settled(element);
    expect(deep(element, 'margin-seen').shadowRoot!.textContent).to.include('has not looked yet');
    await until(() => app.engine.callsOf('look').length === 1, 'the first look');
    refuse();
    await until(() => app.engine.callsOf('look').length === 2, 'the second look');
    refuse();
    await stateWhere(app, ({ lookErrors }) => Object.keys(lookErrors).length === 1, 'the reason');
    await settled(element);
    expect(deep(element, '[role=alert]').textContent).to.include('could not look: The picture cannot be read.');
    await expectAccessible(element);
    app.engine.before = () => {};
    button(element, 'Look again').click();
    await stateWhere(app, ({ images }) => images[0].seen !== undefined, 'the detector to look');
    await settled(element);
    expect(deep(element, 'margin-seen').shadowRoot!.textContent).to.include('none of the 80 kinds');
    expect(deepAll(element, '[role=alert]')).to.have.length(0);
    app.dispose();
  });

  it('notes that a photograph lies outside Toybox’s world, for the Toybox model only', async () => {
    const { element, app } = await mountImages();
    await app.intents.addImages([await plainPicture()]);
    await settled(element);
    expect(deep(element, '.note').textContent).to.include('Outside Toybox');
    app.intents.setSetting('vlm', 'smolvlm-256m');
    await settled(element);
    expect(deepAll(element, '.note')).to.have.length(0);
    app.intents.setSetting('vlm', 'toybox-vlm');
    await app.intents.addScene(SCENE);
    await settled(element);
    expect(deepAll(element, '.note')).to.have.length(0);
    app.dispose();
  });

  it('adds sample scenes', async () => {
    const { element, app } = await mountImages();
    button(element, 'Add sample scenes').click();
    await stateWhere(app, ({ images }) => images.length === 4 && images.every(({ scene }) => scene), 'four scenes');
    app.dispose();
  });

  it('opens camera and composer', async () => {
    const { element, app } = await mountImages();
    button(element, 'Camera').click();
    expect(app.store.state.view.overlay).to.equal('camera');
    button(element, 'Compose').click();
    expect(app.store.state.view.overlay).to.equal('composer');
    app.dispose();
  });
});

describe('what a drop brings', () => {
  it('is sorted into pictures and workspaces', () => {
    const files = [new File([], 'a.png'), new File([], 'b.ZIP'), new File([], 'c', { type: 'application/zip' })];
    const { pictures, workspaces } = sortFiles(files);
    expect(pictures.map(({ name }) => name)).to.deep.equal(['a.png']);
    expect(workspaces.map(({ name }) => name)).to.deep.equal(['b.ZIP', 'c']);
  });
});

describe('the words of a truth', () => {
  it('count with plurals and say each relation once', () => {
    const mice = [0, 60].map((x) => ({ noun: 'mouse', style: 'noto' as const, x, y: 90, size: 36 }));
    const words = truthWords({ ...SCENE, objects: [...SCENE.objects, ...mice] });
    expect(words.objects).to.deep.equal(['1 cat', '1 tree', '2 mice']);
    expect(words.relations).to.deep.equal(['cat left of tree']);
  });
});

describe('margin-camera', () => {
  const original = navigator.mediaDevices.getUserMedia;
  afterEach(() => {
    unmountAll();
    navigator.mediaDevices.getUserMedia = original;
  });

  it('says what to do when the camera is refused, and tries again', async () => {
    let tries = 0;
    navigator.mediaDevices.getUserMedia = async () => {
      tries += 1;
      throw new DOMException('no', 'NotAllowedError');
    };
    const app = await makeApp();
    const element = await mount<MarginCamera>('margin-camera', { app });
    expect(deep(element, '[role=alert]').textContent).to.include('did not allow the camera');
    await expectAccessible(element);
    button(element, 'Try again').click();
    await settled(element);
    expect(tries).to.equal(2);
    app.dispose();
  });

  it('takes a picture, adds it, closes, and lets the camera go', async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 64;
    canvas.height = 48;
    const context = canvas.getContext('2d')!;
    context.fillStyle = 'teal';
    const stream = canvas.captureStream(30);
    const painter = setInterval(() => context.fillRect(0, 0, 64, 48), 20);
    navigator.mediaDevices.getUserMedia = async () => stream;
    const app = await makeApp();
    app.intents.openOverlay('camera');
    const element = await mount<MarginCamera>('margin-camera', { app });
    await until(() => buttons(element, 'Take picture')[0]?.disabled === false, 'the camera is on');
    button(element, 'Take picture').click();
    await stateWhere(app, ({ images }) => images.length === 1, 'the picture');
    clearInterval(painter);
    expect(app.store.state.images[0]).to.include({ name: 'camera 1.jpg', width: 64, height: 48 });
    expect(app.store.state.view.overlay).to.equal('none');
    element.remove();
    expect(stream.getTracks().every(({ readyState }) => readyState === 'ended')).to.equal(true);
    app.dispose();
  });

  it('has a sentence for every way to have no camera', () => {
    const words = ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'TypeError'].map((name) =>
      cameraMessage(new DOMException('', name)),
    );
    expect(new Set(words).size).to.equal(4);
  });
});
