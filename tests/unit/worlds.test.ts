import { expect } from '@esm-bundle/chai';
import { createConsole } from '../../src/console.ts';
import { ModelFileError } from '../../src/errors.ts';
import { SAMPLE_PHOTOGRAPHS } from '../../src/photographs/pictures.ts';
import type { Notice } from '../../src/state/state.ts';
import { randomScene } from '../../src/toybox/index.ts';
import { makeApp, plainPicture, stateWhere, type TestApp, type TestAppOptions } from '../support/app.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { beforeStep, makeTrainable } from '../support/trainable.ts';

const fresh = (options: TestAppOptions = {}) => makeApp({ firstPhotograph: true, ...options });
const models = ({ store }: TestApp) => [store.state.settings.vlm, store.state.settings.clip];
const TOYBOX = ['toybox-vlm', 'toybox-clip'];
const PHOTO = ['photo-vlm', 'photo-clip'];
const offers = (app: TestApp): readonly Notice[] => app.store.state.notices.filter(({ action }) => action);
const actions = (app: TestApp) => offers(app).map(({ action }) => action);
const turn = () => new Promise((resolve) => setTimeout(resolve));
/** Settles when the models that pictures brought about are there. */
async function settled(app: TestApp): Promise<void> {
  await turn();
  await app.worlds.settled;
  await turn();
}

/** A picture that comes in, another one each time. */
let shade = 0;
async function photograph(app: TestApp): Promise<void> {
  shade += 1;
  await app.intents.addImages([await plainPicture([shade, 90, 20], `photo ${shade}.png`)]);
  await settled(app);
}

describe('the first photograph', () => {
  it('switches Toybox to the photo models, says so, and one press goes back', async () => {
    const app = await fresh();
    await photograph(app);
    expect(models(app)).to.deep.equal(PHOTO);
    expect(offers(app)).to.have.length(1);
    expect(offers(app)[0]).to.include({ tone: 'info', action: 'back to toybox' });
    expect(offers(app)[0].message).to.contain('photo models take over');
    await app.intents.backToToybox();
    expect(models(app)).to.deep.equal(TOYBOX);
    expect(offers(app)).to.deep.equal([]);
    app.dispose();
  });

  it('keeps answers, marks and pairs, which the photo models score anew, and Toybox again after the way back', async () => {
    const app = await fresh();
    await app.intents.addSampleScenes(1);
    await app.intents.sample();
    const [first, second] = app.store.state.candidates;
    app.intents.markChosen(first.id);
    app.intents.markRejected(second.id);
    app.intents.addPair();
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    const kept = () => ({
      texts: app.store.state.candidates.map(({ text, mark }) => [text, mark]),
      pairs: app.store.state.pairs.map(({ chosen, rejected }) => [chosen, rejected]),
    });
    const before = kept();
    await photograph(app);
    expect(models(app)).to.deep.equal(PHOTO);
    expect(kept()).to.deep.equal(before);
    await stateWhere(app, ({ pairs }) => pairs[0].scoredBy?.vlm === 'photo-vlm', 'scored by the photo models');
    await app.intents.backToToybox();
    expect(kept()).to.deep.equal(before);
    await stateWhere(app, ({ pairs }) => pairs[0].scoredBy?.vlm === 'toybox-vlm', 'scored by Toybox');
    app.dispose();
  });

  it('waits for the models when it comes before they are there', async () => {
    const app = await fresh({ ready: false });
    await photograph(app);
    expect(app.engine.callsOf('load')).to.deep.equal([]);
    await app.intents.retryEngine();
    await settled(app);
    expect(models(app)).to.deep.equal(PHOTO);
    app.dispose();
  });

  it('leaves Toybox where the photo models cannot be loaded', async () => {
    const engine = new FakeEngine();
    engine.before = (method, request) => {
      if (method === 'load' && (request as { vlm: string }).vlm === 'photo-vlm') {
        throw new ModelFileError('photo-vlm/model.safetensors is damaged.', 'photo-vlm');
      }
    };
    const app = await fresh({ engine });
    await photograph(app);
    expect(models(app)).to.deep.equal(TOYBOX);
    expect(app.store.state.engine.kind).to.equal('ready');
    expect(app.store.state.notices.map(({ tone }) => tone)).to.deep.equal(['error']);
    expect(app.store.state.notices[0].message).to.contain('previously loaded models are still active');
    app.dispose();
  });

  it('only asks while answers are sampled, also where reading it hides that', async () => {
    const app = await fresh();
    await app.intents.addSampleScenes(1);
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    app.engine.before = (method) => (method === 'sample' ? gate : undefined);
    const pairing = app.intents.pairBy('clip');
    await stateWhere(app, ({ activity }) => activity?.kind === 'sample', 'the pairing');
    await photograph(app);
    expect(models(app)).to.deep.equal(TOYBOX);
    expect(actions(app)).to.deep.equal(['photo models']);
    open();
    await pairing;
    app.dispose();
  });

  it('is met only when the photo models are there: a page that goes in between switches the next time', async () => {
    const engine = new FakeEngine();
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    engine.before = (method, request) =>
      method === 'load' && (request as { vlm: string }).vlm === 'photo-vlm' ? gate : undefined;
    const app = await fresh({ engine });
    await app.intents.addImages([await plainPicture([7, 7, 7], 'first.png')]);
    await stateWhere(app, ({ notices }) => notices.some(({ action }) => action === 'back to toybox'), 'the switch');
    expect(app.store.state.view.metPhotographs).to.equal(false);
    open();
    await settled(app);
    await stateWhere(app, ({ view }) => view.metPhotographs, 'the photo models');
    app.dispose();
  });

  it('decides nothing when it is gone before the models are there', async () => {
    const app = await fresh({ ready: false });
    await photograph(app);
    app.intents.removeImage(app.store.state.images[0].id);
    await app.intents.retryEngine();
    await settled(app);
    expect(models(app)).to.deep.equal(TOYBOX);
    app.dispose();
  });

  it('leaves a CLIP for photographs that somebody chose', async () => {
    const app = await fresh();
    app.intents.setSetting('clip', 'clip-vit-b-32');
    await turn();
    await photograph(app);
    expect(models(app)).to.deep.equal(['photo-vlm', 'clip-vit-b-32']);
    await app.intents.backToToybox();
    expect(models(app)).to.deep.equal(['toybox-vlm', 'clip-vit-b-32']);
    app.dispose();
  });

  it('only asks while a run trains, and while a run or an adapter would be put aside', async () => {
    const app = await makeTrainable({ firstPhotograph: false });
    app.store.update((state) => ({ ...state, view: { ...state.view, metPhotographs: false } }));
    app.store.update((state) => ({ ...state, notices: [] }));
    let during: unknown;
    beforeStep(app, async (step) => {
      if (step !== 2) return;
      await photograph(app);
      during = actions(app);
    });
    await app.intents.train();
    expect(during).to.deep.equal(['photo models']);
    expect(app.training.run).to.include({ status: 'finished', step: 6 });
    await photograph(app);
    expect(app.store.state.adapter).to.not.equal(null);
    expect(actions(app)).to.deep.equal(['photo models']);
    expect(models(app)).to.deep.equal(TOYBOX);
    app.dispose();
  });

  it('comes from a script as well, which goes on with the photo models', async () => {
    const app = await fresh();
    const margin = createConsole(app);
    await margin.ready;
    const [{ id }] = await margin.images.add([await plainPicture([4, 5, 6], 'script.png')]);
    expect(models(app)).to.deep.equal(PHOTO);
    const answers = [];
    for await (const { text } of margin.sample({ image: id, n: 1 })) answers.push(text);
    expect(answers).to.have.length(1);
    app.dispose();
  });
});

describe('later pictures of another world', () => {
  it('ask: after the way back, and in later visits', async () => {
    const app = await fresh();
    await photograph(app);
    await app.intents.backToToybox();
    await photograph(app);
    expect(models(app)).to.deep.equal(TOYBOX);
    expect(offers(app)[0].message).to.equal('This is a photograph, and Toybox is loaded.');
    expect(actions(app)).to.deep.equal(['photo models']);
    await app.flush();
    app.dispose();
    const later = await fresh({ backend: app.backend });
    await photograph(later);
    expect(models(later)).to.deep.equal(TOYBOX);
    expect(actions(later)).to.deep.equal(['photo models']);
    await later.intents.useModelsFor('photographs');
    await turn();
    expect(models(later)).to.deep.equal(PHOTO);
    expect(offers(later), 'answered').to.deep.equal([]);
    later.dispose();
  });

  it('ask where somebody had the photo models and chose Toybox again', async () => {
    const app = await fresh();
    app.intents.setSetting('vlm', 'photo-vlm');
    await settled(app);
    app.intents.setSetting('vlm', 'toybox-vlm');
    await settled(app);
    await photograph(app);
    expect(models(app)[0]).to.equal('toybox-vlm');
    expect(actions(app)).to.deep.equal(['photo models']);
    app.dispose();
  });

  it('ask when they are scenes; the question goes when Toybox is chosen otherwise', async () => {
    const app = await fresh();
    await photograph(app);
    await app.intents.addScene(randomScene(3));
    await settled(app);
    expect(models(app)).to.deep.equal(PHOTO);
    expect(offers(app).map(({ message }) => message)).to.deep.equal([
      'This is a Toybox scene, and a model for photographs is loaded.',
    ]);
    app.intents.setSetting('vlm', 'toybox-vlm');
    await settled(app);
    expect(offers(app)).to.deep.equal([]);
    app.dispose();
  });

  it('say nothing where they are in the list already, or of the world that is loaded', async () => {
    const app = await fresh();
    await app.intents.addSampleScenes(1);
    await photograph(app);
    await photograph(app);
    const before = app.store.state.notices;
    await app.intents.addSampleScenes(0);
    await app.intents.addImages([await plainPicture([shade, 90, 20], 'the same.png')]);
    await settled(app);
    expect(offers(app)).to.deep.equal(before.filter(({ action }) => action));
    app.dispose();
  });

  it('come in a workspace file: photographs switch a fresh page, a mixture does not', async () => {
    const first = await makeApp();
    await photograph(first);
    const photographs = await first.intents.exportWorkspace();
    await first.intents.addSampleScenes(1);
    const both = await first.intents.exportWorkspace();
    first.dispose();
    const one = await fresh();
    await one.intents.importWorkspace(both);
    await settled(one);
    expect(models(one)).to.deep.equal(TOYBOX);
    expect(offers(one)).to.deep.equal([]);
    const two = await fresh();
    await two.intents.importWorkspace(photographs);
    await settled(two);
    expect(models(two)).to.deep.equal(PHOTO);
    one.dispose();
    two.dispose();
  });
});

describe('sample photographs', () => {
  it('come four at a time with their credits, the next ones after those here, and switch as any photograph', async () => {
    const app = await fresh();
    await app.intents.addSampleScenes();
    await app.intents.addSamplePhotographs();
    await settled(app);
    expect(models(app)).to.deep.equal(PHOTO);
    const added = () => app.store.state.images.filter(({ scene }) => !scene);
    expect(added().map(({ name, credit }) => [name, credit])).to.deep.equal(
      SAMPLE_PHOTOGRAPHS.slice(0, 4).map(({ name, credit }) => [name, credit]),
    );
    expect(app.store.state.selectedImage).to.equal(added()[0].id);
    for (const { width, height } of added()) expect(Math.max(width, height)).to.equal(448);
    await app.intents.addSamplePhotographs();
    app.intents.removeImage(added()[1].id);
    await app.intents.addSamplePhotographs();
    const names = added().map(({ name }) => name);
    expect(new Set(names)).to.have.property('size', 11);
    await app.intents.addSamplePhotographs();
    expect(added()).to.have.length(12);
    expect(await app.intents.addSamplePhotographs()).to.deep.equal([]);
    expect(app.store.state.notices.at(-1)?.message).to.equal('All 12 sample photographs are in the list already.');
    app.intents.undo();
    expect(added()).to.have.length(11);
    await app.flush();
    app.dispose();
    const later = await makeApp({ backend: app.backend });
    expect(later.store.state.images.map(({ credit }) => credit)).to.include(SAMPLE_PHOTOGRAPHS[0].credit);
    later.dispose();
  });

  it('go by the model that the link or the settings name', async () => {
    const app = await fresh();
    expect(app.worlds.expected).to.equal('toybox-vlm');
    await photograph(app);
    expect(app.worlds.expected).to.equal('photo-vlm');
    app.dispose();
  });
});
