import { expect } from '@esm-bundle/chai';
import '../../src/components/composer/margin-composer.ts';
import type { MarginComposer } from '../../src/components/composer/margin-composer.ts';
import { nounsMatching } from '../../src/components/composer/margin-nouns.ts';
import { add, bringToFront, moveTo, remove, resize, restyle } from '../../src/components/composer/scene-edit.ts';
import { MAX_OBJECTS, NOUNS, SCENE_SIZE, type Scene } from '../../src/toybox/index.ts';
import { makeApp, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, deep, deepAll, mount, press, settled, type, unmountAll } from '../support/mount.ts';

const EMPTY: Scene = { background: 'grass', objects: [] };

describe('edits of a scene', () => {
  it('keep objects inside the picture and leave the old scene alone', () => {
    const scene = add(EMPTY, 'cat')!;
    const moved = moveTo(scene, 0, -50, 500);
    expect(moved.objects[0]).to.include({ x: 0, y: SCENE_SIZE - moved.objects[0].size });
    const large = resize(moved, 0, 1);
    expect(large.objects[0].size).to.equal(52);
    expect(large.objects[0].y + large.objects[0].size).to.be.at.most(SCENE_SIZE);
    expect(resize(large, 0, 1).objects[0].size).to.equal(52);
    expect(resize(large, 0, -1).objects[0].size).to.equal(36);
    expect(restyle(scene, 0).objects[0].style).to.not.equal(scene.objects[0].style);
    expect(EMPTY.objects).to.have.length(0);
  });

  it('place new objects beside the others, up to the limit', () => {
    let scene: Scene | null = EMPTY;
    for (let i = 0; i < MAX_OBJECTS; i++) scene = add(scene!, NOUNS[i].noun);
    expect(new Set(scene!.objects.map(({ x, y }) => `${x},${y}`)).size).to.equal(MAX_OBJECTS);
    expect(add(scene!, 'cat')).to.equal(null);
    const first = scene!.objects[0];
    expect(bringToFront(scene!, 0).objects.at(-1)).to.equal(first);
    expect(remove(scene!, 0).objects).to.have.length(MAX_OBJECTS - 1);
  });

  it('find nouns by name, synonym and group', () => {
    expect(nounsMatching('kitten').map(({ noun }) => noun)).to.deep.equal(['cat']);
    expect(nounsMatching('animals').length).to.be.greaterThan(5);
    expect(nounsMatching('')).to.have.length(NOUNS.length);
    expect(nounsMatching('zzz')).to.have.length(0);
  });
});

describe('margin-composer', () => {
  afterEach(unmountAll);

  async function mountComposer(scene?: Scene): Promise<{ app: TestApp; element: MarginComposer }> {
    const app = await makeApp();
    if (scene) await app.intents.addScene(scene);
    app.intents.openOverlay('composer');
    const element = await mount<MarginComposer>('margin-composer', { app });
    const deadline = performance.now() + 10_000;
    while (!element.renderRoot.querySelector('margin-stage') && performance.now() < deadline) await settled(element);
    await settled(element);
    return { app, element };
  }

  const handles = (element: MarginComposer) => deepAll<HTMLButtonElement>(element, 'button[data-index]');

  it('builds a scene by keyboard alone and uses it', async () => {
    const { app, element } = await mountComposer();
    const empty = deepAll<HTMLCanvasElement>(element, 'canvas[role=img]')[0].toDataURL();
    const search = deep<HTMLInputElement>(element, 'input[type=search]');
    type(search, 'kitten');
    await settled(element);
    press('Enter', search);
    await settled(element);
    const [cat] = handles(element);
    expect(cat.getAttribute('aria-label')).to.include('cat, small, 46 from the left, 46 from the top');
    expect(deepAll<HTMLCanvasElement>(element, 'canvas[role=img]')[0].toDataURL()).to.not.equal(empty);
    cat.focus();
    press('ArrowLeft', cat);
    press('ArrowDown', handles(element)[0], { shiftKey: true });
    await settled(element);
    press('+', handles(element)[0]);
    await settled(element);
    expect(handles(element)[0].getAttribute('aria-label')).to.include('cat, large');
    button(element, 'Use this scene').click();
    await stateWhere(app, ({ images }) => images.length === 1, 'the scene as a picture');
    const { images, view } = app.store.state;
    expect(images[0].scene?.objects[0]).to.include({ noun: 'cat', size: 52 });
    expect(view.overlay).to.equal('none');
    app.dispose();
  });

  it('removes an object with Delete, without telling the page', async () => {
    const { app, element } = await mountComposer(add(add(EMPTY, 'cat')!, 'dog')!);
    expect(handles(element)).to.have.length(2);
    let heard = 0;
    const listen = () => heard++;
    window.addEventListener('keydown', listen);
    press('Delete', handles(element)[1]);
    await settled(element);
    window.removeEventListener('keydown', listen);
    expect(handles(element).map((handle) => handle.getAttribute('aria-label')?.split(',')[0])).to.deep.equal(['cat']);
    expect(heard).to.equal(0);
    app.dispose();
  });

  it('drags an object with the pointer', async () => {
    const { app, element } = await mountComposer(add(EMPTY, 'cat')!);
    const [cat] = handles(element);
    const box = cat.getBoundingClientRect();
    const stage = deepAll<HTMLCanvasElement>(element, 'canvas[role=img]')[0].getBoundingClientRect();
    const at = (x: number, y: number) => ({
      clientX: x,
      clientY: y,
      pointerId: 1,
      button: 0,
      bubbles: true,
      composed: true,
    });
    const centre = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    cat.setPointerCapture = () => {};
    cat.dispatchEvent(new PointerEvent('pointerdown', at(centre.x, centre.y)));
    cat.dispatchEvent(new PointerEvent('pointermove', at(centre.x + stage.width / 4, centre.y - stage.width / 4)));
    cat.dispatchEvent(new PointerEvent('pointerup', at(centre.x, centre.y)));
    await settled(element);
    expect(handles(element)[0].getAttribute('aria-label')).to.include('78 from the left, 14 from the top');
    cat.dispatchEvent(new PointerEvent('pointermove', at(centre.x, centre.y)));
    await settled(element);
    expect(handles(element)[0].getAttribute('aria-label'), 'released').to.include('78 from the left');
    app.dispose();
  });

  it('changes the background and shows the truth', async () => {
    const { app, element } = await mountComposer(add(EMPTY, 'cat')!);
    const before = deepAll<HTMLCanvasElement>(element, 'canvas[role=img]')[0].toDataURL();
    const snow = deep<HTMLInputElement>(element, 'input[type=radio][value=snow]');
    snow.click();
    await settled(element);
    expect(deepAll<HTMLCanvasElement>(element, 'canvas[role=img]')[0].toDataURL()).to.not.equal(before);
    const truth = deep(element, 'dl[aria-label="Truth of the scene"]').textContent;
    expect(truth).to.include('1 cat').and.to.include('in the snow');
    app.dispose();
  });

  it('says when the scene is full', async () => {
    let scene: Scene = EMPTY;
    for (let i = 0; i < MAX_OBJECTS; i++) scene = add(scene, NOUNS[i].noun)!;
    const { app, element } = await mountComposer(scene);
    expect(button(element, 'Add dog').disabled).to.equal(true);
    expect(element.shadowRoot?.textContent).to.include('The scene is full');
    button(element, 'Clear').click();
    await settled(element);
    expect(handles(element)).to.have.length(0);
    expect(button(element, 'Use this scene').disabled).to.equal(true);
    button(element, 'Surprise me').click();
    await settled(element);
    expect(handles(element).length).to.be.greaterThan(0);
    app.dispose();
  });

  it('is accessible', async () => {
    const { app, element } = await mountComposer(add(EMPTY, 'cat')!);
    await expectAccessible(element);
    app.dispose();
  });
});
