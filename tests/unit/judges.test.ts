import { expect } from '@esm-bundle/chai';
import { createConsole } from '../../src/console.ts';
import type { Truth } from '../../src/engine/engine.ts';
import type { Sighting } from '../../src/photographs/index.ts';
import { sampleJudgedPairs } from '../../src/preference/judged-pairs.ts';
import { type Evidence, JUDGES, judgeName } from '../../src/preference/judges.ts';
import { whyNotRankBy } from '../../src/state/intents/ranking.ts';
import type { Scene } from '../../src/toybox/index.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { FakeEngine, fakeClip } from '../support/fake-engine.ts';

const SCENE: Scene = { background: 'grass', objects: [{ noun: 'cat', style: 'noto', x: 10, y: 40, size: 52 }] };
const BOX = { x1: 0.1, y1: 0.1, x2: 0.5, y2: 0.6, score: 0.8 };
const DOG: Sighting = { noun: 'dog', chance: 0.97, boxes: [BOX] };
const UNSURE: Sighting = { noun: 'cup', chance: 0.5, boxes: [] };
const TRUTH: Truth = { by: 'detector', objects: ['dog', 'bench'], doubtful: ['cup'] };

const notices = (app: TestApp) => app.store.state.notices.map(({ message }) => message).join('\n');
const marks = (app: TestApp) => app.store.state.candidates.map(({ mark }) => mark);
const textsOf = (app: TestApp) => app.store.state.pairs.map(({ chosen, rejected }) => [chosen, rejected]);
const looked = (app: TestApp) => app.engine.callsOf('look').length;

/** A photograph that the detector has not seen yet: nothing wakes it before `look` is let through. */
async function unseen(answers: readonly string[]): Promise<{ app: TestApp; open: () => void }> {
  const engine = new FakeEngine();
  engine.sees = [DOG, UNSURE];
  engine.answers = [...answers];
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  engine.before = (method) => (method === 'look' ? gate : undefined);
  const app = await makeApp({ engine });
  await app.intents.addImages([await plainPicture()]);
  // Toybox is loaded, and the page has asked whether that is meant.
  app.store.update((state) => ({ ...state, notices: [] }));
  return { app, open };
}

describe('the judges', () => {
  const evidence: Evidence = {
    engine: new FakeEngine(),
    image: { id: 'a', blob: new Blob() },
    truth: async () => TRUTH,
  };

  it('score answers: CLIP by its cosine, the truth by what is named rightly less what is not', async () => {
    const texts = ['A dog.', 'A dog and a cat.', 'A dog on a bench.', 'A cup.', 'A tree.', 'A cat and a car.'];
    expect(await JUDGES.clip.score(evidence, texts, {})).to.deep.equal(texts.map(fakeClip));
    expect(await JUDGES.truth.score(evidence, texts, {})).to.deep.equal([0.5, 0, 1, 0, 0, -1]);
  });

  it('know a score without asking only where there is one', () => {
    expect(JUDGES.clip.known({ text: 'A dog.', clip: 0.3 }, TRUTH)).to.equal(0.3);
    expect(JUDGES.clip.known({ text: 'A dog.' }, TRUTH)).to.equal(undefined);
    expect(JUDGES.truth.known({ text: 'A dog.' }, TRUTH)).to.equal(0.5);
    expect(JUDGES.truth.known({ text: 'A dog.', clip: 0.3 }, undefined)).to.equal(undefined);
  });

  it('are called by what they know', () => {
    expect(judgeName('clip', [{}])).to.equal('CLIP');
    expect(judgeName('truth', [{ scene: SCENE }])).to.equal('truth');
    expect(judgeName('truth', [{ scene: SCENE }, {}])).to.equal('detector');
  });

  it('make no pair of answers that they cannot tell apart', async () => {
    const engine = new FakeEngine();
    const request = { image: evidence.image, prompt: 'What?', temperature: 1, topP: 1, maxTokens: 48, seed: 1 };
    const pairsOf = (answers: string[]) => {
      engine.answers = answers;
      return sampleJudgedPairs(JUDGES.truth, { engine, truth: evidence.truth }, { ...request, n: answers.length });
    };
    expect(await pairsOf(['A dog.', 'A small dog.', 'One dog and a cup.'])).to.deep.equal([]);
    const [pair] = await pairsOf(['A dog and a cat.', 'A dog.', 'A dog and a tree.']);
    expect([pair.chosen, pair.rejected]).to.deep.equal([
      { text: 'A dog and a tree.', score: 0.5 },
      { text: 'A dog and a cat.', score: 0 },
    ]);
    expect(engine.callsOf('clipScore')).to.deep.equal([]);
  });
});

describe('pairs by the detector', () => {
  const ANSWERS = ['A dog and a cat on the grass.', 'A dog on the grass.'];
  const settings = { n: 2, prompt: 'Describe the image.' };

  it('come of photographs nobody had looked at, and get their CLIP scores afterwards', async () => {
    const { app, open } = await unseen(ANSWERS);
    await app.intents.addScene(SCENE);
    const run = app.intents.pairBy('truth', { settings });
    open();
    expect(await run).to.have.lengthOf(2);
    expect(textsOf(app), 'the scene has its own truth').to.deep.equal([
      ['A dog on the grass.', 'A dog and a cat on the grass.'],
      ['A dog and a cat on the grass.', 'A dog on the grass.'],
    ]);
    expect(app.store.state.images.map(({ seen }) => seen?.things.length)).to.deep.equal([2, undefined]);
    await stateWhere(app, ({ pairs }) => pairs.every(({ scores, clip }) => scores && clip), 'scores of the pairs');
    const [{ clip, chosen, rejected, scoredBy }] = app.store.state.pairs;
    expect(clip).to.deep.equal({ chosen: fakeClip(chosen), rejected: fakeClip(rejected) });
    expect(scoredBy?.clip).to.equal(app.store.state.settings.clip);
    expect(app.store.state.history.undo).to.equal('add pairs by detector');
    app.intents.undo();
    expect(app.store.state.pairs).to.deep.equal([]);
    app.dispose();
  });

  it('hold no scores of the detector as if they were CLIP’s', async () => {
    const { app, open } = await unseen(ANSWERS);
    open();
    await stateWhere(app, ({ images }) => images[0].seen !== undefined, 'the detector to look');
    app.engine.before = (method) => {
      if (method === 'pairLogps') throw new Error('Not now.');
    };
    await app.intents.pairBy('truth', { settings });
    expect(app.store.state.pairs[0].clip).to.equal(undefined);
    expect(app.store.state.pairs[0].scoredBy).to.equal(undefined);
    app.dispose();
  });

  it('are none where all answers tie, and the notice says so', async () => {
    const { app, open } = await unseen(['A dog.', 'A tall dog.', 'One dog.']);
    open();
    expect(await app.intents.pairBy('truth', { settings: { n: 3 } })).to.deep.equal([]);
    expect(notices(app)).to.include('answers scored the same by detector');
    app.dispose();
  });

  it('end with a cancel while the detector looks', async () => {
    const { app, open } = await unseen(ANSWERS);
    const run = app.intents.pairBy('truth', { settings });
    await stateWhere(app, ({ activity }) => activity?.label === 'Pairs by detector', 'the pairing');
    app.intents.cancel();
    expect(await run).to.deep.equal([]);
    open();
    expect(app.store.state.activity).to.equal(null);
    expect(notices(app)).to.equal('');
    app.dispose();
  });

  it('end with a reason where the detector cannot look', async () => {
    const { app } = await unseen(ANSWERS);
    app.engine.before = (method) => {
      if (method === 'look') throw new Error('The detector’s file is missing.');
    };
    const told: unknown[] = [];
    await app.intents.pairBy('truth', { settings, onError: (error) => told.push(error) });
    expect(told).to.have.lengthOf(1);
    expect(notices(app)).to.include('Pairing by detector stopped: The detector’s file is missing.');
    app.dispose();
  });
});

describe('marks by the detector', () => {
  const ANSWERS = ['A dog and a cat.', 'A dog.', 'A tree.', 'A plant.'];

  it('come at once where it has looked, and are one step back', async () => {
    const { app, open } = await unseen(ANSWERS);
    open();
    await stateWhere(app, ({ images }) => images[0].seen !== undefined, 'the detector to look');
    expect(whyNotRankBy('truth', app.store.state)).to.include('Two finished answers');
    await app.intents.sample({ settings: { n: 4 } });
    expect(whyNotRankBy('truth', app.store.state)).to.equal(null);
    void app.intents.rankBy('truth');
    expect(marks(app)).to.deep.equal(['rejected', 'chosen', undefined, undefined]);
    app.intents.undo();
    expect(marks(app).some(Boolean)).to.equal(false);
    app.dispose();
  });

  it('wait for it where it has not, and a cancel leaves all as it was', async () => {
    const { app, open } = await unseen(ANSWERS);
    await app.intents.sample({ settings: { n: 4 } });
    const given = app.intents.rankBy('truth');
    expect(app.store.state.activity).to.include({ kind: 'look', label: 'The detector is looking' });
    app.intents.cancel();
    const again = app.intents.rankBy('truth');
    open();
    await Promise.all([given, again]);
    expect(marks(app)).to.deep.equal(['rejected', 'chosen', undefined, undefined]);
    expect(notices(app)).to.equal('');
    app.dispose();
  });

  it('are those of the scene’s truth in a scene', async () => {
    const app = await makeApp();
    await app.intents.addScene(SCENE);
    app.engine.answers = ['A cat.', 'A dog.'];
    await app.intents.sample({ settings: { n: 2 } });
    await app.intents.rankBy('truth');
    expect(marks(app)).to.deep.equal(['chosen', 'rejected']);
    expect(looked(app)).to.equal(0);
    app.dispose();
  });

  it('need the models where nobody has looked, and say so', async () => {
    const { app } = await unseen(ANSWERS);
    await app.intents.sample({ settings: { n: 2 } });
    app.engine.setState({ kind: 'restarting', reason: 'The GPU device was lost.' });
    expect(whyNotRankBy('truth', app.store.state)).to.include('as soon as the models are ready');
    expect(whyNotRankBy('clip', app.store.state)).to.equal(null);
    app.dispose();
  });
});

describe('a look at a photograph', () => {
  it('from the console gives what the page shows', async () => {
    const { app, open } = await unseen([]);
    open();
    const margin = createConsole(app);
    const [image] = app.store.state.images;
    const seen = await margin.look({ image });
    expect(seen.things).to.deep.equal([DOG, UNSURE]);
    expect(seen.judged).to.deep.equal(app.engine.judged);
    expect(app.store.state.images[0].seen).to.equal(seen);
    app.dispose();
  });

  it('is refused for a scene, for no picture, and for fields it does not know', async () => {
    const app = await makeApp();
    await app.intents.addScene(SCENE);
    const margin = createConsole(app);
    const [{ id }] = app.store.state.images;
    for (const [given, words] of [
      [{ image: id }, 'Toybox scene'],
      [{ image: 'nope' }, 'There is no image "nope"'],
      [{}, 'image is missing'],
      [{ image: id, model: 'nano' }, 'model'],
    ] as const) {
      const message = await margin.look(given as { image: string }).then(
        () => 'none',
        (error: Error) => `${error.name}: ${error.message}`,
      );
      expect(message, JSON.stringify(given)).to.include('InputError').and.to.include(words);
    }
    app.dispose();
  });

  it('that fails says why, until it succeeds', async () => {
    const { app } = await unseen([]);
    const [{ id }] = app.store.state.images;
    app.engine.before = () => Promise.reject(new Error('The file is broken.'));
    await app.intents.look(id).catch(() => {});
    expect(app.store.state.lookErrors[id]).to.equal('The file is broken.');
    app.engine.before = () => {};
    await app.intents.look(id);
    expect(app.store.state.lookErrors[id]).to.equal(undefined);
    app.dispose();
  });

  it('makes pairs from the console, one call for each judge', async () => {
    const { app, open } = await unseen(['A dog and a cat.', 'A dog.']);
    open();
    const margin = createConsole(app);
    const made = [];
    for await (const pair of margin.pairs.byTruth({ n: 2 })) made.push(pair);
    expect(made.map(({ chosen, rejected, clip }) => [chosen, rejected, clip])).to.deep.equal([
      ['A dog.', 'A dog and a cat.', undefined],
    ]);
    app.dispose();
  });
});
