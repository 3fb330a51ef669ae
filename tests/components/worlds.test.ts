import { expect } from '@esm-bundle/chai';
import '../../src/components/about/margin-about.ts';
import '../../src/components/images/margin-images.ts';
import type { MarginImages } from '../../src/components/images/margin-images.ts';
import '../../src/components/notices/margin-notices.ts';
import type { MarginNotices } from '../../src/components/notices/margin-notices.ts';
import '../../src/components/training/margin-train-held-out.ts';
import type { MarginTrainHeldOut } from '../../src/components/training/margin-train-held-out.ts';
import '../../src/components/training/margin-train-settings.ts';
import type { MarginTrainSettings } from '../../src/components/training/margin-train-settings.ts';
import { randomScene } from '../../src/toybox/index.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, buttons, deep, deepAll, mount, settled, unmountAll } from '../support/mount.ts';

const words = (root: Element): string =>
  deepAll(root, 'p, legend, [role=region], li')
    .map((each) => each.textContent!.replace(/\s+/g, ' ').trim())
    .join(' | ');
const loaded = (app: TestApp, vlm: string) =>
  stateWhere(app, ({ settings, engine }) => settings.vlm === vlm && engine.kind === 'ready', `${vlm} is loaded`);

describe('photographs on the page', () => {
  let app: TestApp;
  afterEach(() => {
    unmountAll();
    app.dispose();
  });

  it('one press adds sample photographs and, the first time, switches; another press goes back; later ones ask', async () => {
    app = await makeApp({ firstPhotograph: true });
    const images = await mount<MarginImages>('margin-images', { app });
    const notices = await mount<MarginNotices>('margin-notices', { app });
    expect(words(images)).to.contain('sample photographs, which the photo models describe');
    button(images, 'Add sample photographs').click();
    await stateWhere(app, ({ images: list }) => list.length === 4, 'four photographs');
    await loaded(app, 'photo-vlm');
    await settled(notices);
    expect(words(notices)).to.contain('the photo models take over');
    await expectAccessible(notices);
    expect(deep(images, '.name').getAttribute('title')).to.match(/^cat in front of a mirror\. CC BY 2\.0, Flickr/);
    expect(deepAll(images, '.note')).to.have.length(0);
    button(notices, 'Back to Toybox').click();
    await loaded(app, 'toybox-vlm');
    await settled(notices);
    expect(buttons(notices, 'Back to Toybox')).to.have.length(0);
    expect(deep(images, '.note').textContent).to.contain("Outside Toybox's world");
    button(images, 'Add sample photographs').click();
    await stateWhere(app, ({ images: list }) => list.length === 8, 'eight photographs');
    await settled(notices);
    expect(words(notices)).to.contain('These are photographs, and Toybox is loaded.');
    button(notices, 'Switch to the photo models').click();
    await loaded(app, 'photo-vlm');
    await settled(notices);
    expect(buttons(notices, 'Switch to the photo models')).to.have.length(0);
  });

  it('a scene is outside the world of the photo models, which the page says and offers to mend', async () => {
    app = await makeApp();
    await app.intents.useModelsFor('photographs');
    const images = await mount<MarginImages>('margin-images', { app });
    const notices = await mount<MarginNotices>('margin-notices', { app });
    await app.intents.addScene(randomScene(5));
    await settled(images);
    expect(deep(images, '.note').textContent).to.contain('it knows photographs');
    button(notices, 'Switch to Toybox').click();
    await loaded(app, 'toybox-vlm');
    await settled(images);
    expect(deepAll(images, '.note')).to.have.length(0);
  });

  it('held-out words follow the world that is loaded', async () => {
    app = await makeApp();
    const heldOut = await mount<MarginTrainHeldOut>('margin-train-held-out', { app });
    const settings = await mount<MarginTrainSettings>('margin-train-settings', { app });
    expect(words(heldOut)).to.contain('describe Toybox scenes that nobody trained');
    expect(words(settings)).to.contain('Held-out scenes and KL');
    await app.intents.useModelsFor('photographs');
    await settled(heldOut);
    await settled(settings);
    expect(words(heldOut))
      .to.contain('describe photographs that nobody trained')
      .and.to.contain('what the detector sees');
    expect(words(settings)).to.contain('Held-out photographs and KL');
    await expectAccessible(heldOut);
  });

  it('held-out numbers on photographs stand apart from those on scenes', async () => {
    app = await makeApp();
    await app.intents.useModelsFor('photographs');
    app.engine.sees = [{ noun: 'cat', chance: 0.9, boxes: [{ x1: 0, y1: 0, x2: 1, y2: 1, score: 0.9 }] }];
    app.engine.answers = ['A cat and a dog.'];
    const [{ id }] = await app.intents.addImages([await plainPicture()]);
    app.intents.addPairOf({ imageId: id, prompt: 'What?', chosen: 'A cat.', rejected: 'A dog.' });
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    app.intents.setTraining({ max_steps: 1, kl_answers: 0, eval_scenes: 3, eval_pope_scenes: 1 });
    await app.intents.train();
    const of = app.store.state.training.runs[0];
    const scenes = of.heldOut.map(({ world: _, ...point }) => point);
    app.store.update((state) => ({
      ...state,
      training: { ...state.training, runs: [{ ...of, id: 'older', ordinal: 7, heldOut: scenes }, of] },
    }));
    const heldOut = await mount<MarginTrainHeldOut>('margin-train-held-out', { app });
    const said = words(heldOut);
    expect(said).to.contain('Hallucinated mentions: 50 % → 50 %. Objects covered: 100 % → 100 %.');
    expect(said).to.contain('Greedy descriptions of 3 photographs').and.to.contain('With 3 photographs a few mentions');
    expect(said).to.contain('First photograph: “A cat and a dog.”').and.to.contain('(questions about 1 photograph)');
    expect(said).to.contain('what it is not sure of counts neither way');
    expect(deep(heldOut, '[role=region]').getAttribute('aria-label')).to.equal('What held-out photographs say');
    const lines = deepAll<HTMLElement & { lines: readonly { run: number }[] }>(heldOut, 'margin-chart')[0].lines;
    expect(lines.map(({ run }) => run)).to.deep.equal([of.ordinal]);
  });

  it('About names every photograph with its licence', async () => {
    app = await makeApp();
    const about = await mount('margin-about', { app } as never);
    const links = deepAll<HTMLAnchorElement>(about, 'a').filter(({ href }) => href.includes('flickr.com'));
    expect(links).to.have.length(26);
    expect(about.shadowRoot!.textContent).to.contain('CC BY 2.0');
    await expectAccessible(about);
  });
});
