import { expect } from '@esm-bundle/chai';
import '../../src/components/camera/margin-camera.ts';
import { cameraMessage, type MarginCamera } from '../../src/components/camera/margin-camera.ts';
import '../../src/components/images/margin-images.ts';
import type { MarginImages } from '../../src/components/images/margin-images.ts';
import { sortFiles } from '../../src/components/images/transfer.ts';
import { truthWords } from '../../src/components/images/truth.ts';
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
