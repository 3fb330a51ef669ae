import { expect } from '@esm-bundle/chai';
import { DeviceLostError, EngineError } from '../../src/errors.ts';
import { judgedPairs } from '../../src/preference/judged-pairs.ts';
import type { App } from '../../src/state/app.ts';
import { sampleSeed } from '../../src/state/scenes.ts';
import type { Scene } from '../../src/toybox/index.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { fakeClip, fakeLogps } from '../support/fake-engine.ts';
import { until } from '../support/until.ts';

const SCENE: Scene = { background: 'grass', objects: [{ noun: 'cat', style: 'noto', x: 10, y: 40, size: 52 }] };

const lastNotice = (app: App) => app.store.state.notices.at(-1)?.message ?? '';

/** An app with one picture selected. */
async function withPicture(): Promise<TestApp> {
  const app = await makeApp();
  await app.intents.addImages([await plainPicture()]);
  return app;
}

describe('images', () => {
  it('are added once, selected, and identified by their bytes', async () => {
    const app = await makeApp();
    const [first] = await app.intents.addImages([await plainPicture(), await plainPicture([0, 0, 9], 'dark.png')]);
    expect(app.store.state.images.map(({ name }) => name)).to.deep.equal(['red.png', 'dark.png']);
    expect(app.store.state.selectedImage).to.equal(first.id);
    expect(first.id).to.match(/^[0-9a-f]{64}$/);
    await app.intents.addImages([await plainPicture()]);
    expect(app.store.state.images).to.have.length(2);
    expect(lastNotice(app)).to.include('in the list already');
    app.dispose();
  });

  it('that cannot be read harm nothing else', async () => {
    const app = await makeApp();
    const records = await app.intents.addImages([
      new File([], 'empty.png'),
      await plainPicture(),
      new File(['text'], 'notes.txt'),
    ]);
    expect(records).to.have.length(1);
    expect(app.store.state.images).to.have.length(1);
    const words = app.store.state.notices.map(({ message }) => message).join(' ');
    expect(words).to.include('empty.png').and.to.include('notes.txt');
    expect(app.store.state.activity).to.equal(null);
    app.dispose();
  });

  it('of scenes keep the scene, and the same scene is the same picture', async () => {
    const app = await makeApp();
    const first = await app.intents.addScene(SCENE);
    const second = await app.intents.addScene(structuredClone(SCENE));
    expect(first?.scene).to.deep.equal(SCENE);
    expect(first?.id).to.equal(second?.id);
    expect(first?.name).to.equal('cat');
    expect(app.store.state.images).to.have.length(1);
    app.dispose();
  });

  it('come as sample scenes that follow from the seed', async () => {
    const [one, two] = [await makeApp(), await makeApp()];
    await one.intents.addSampleScenes();
    await two.intents.addSampleScenes(2);
    await two.intents.addSampleScenes(2);
    const ids = (app: App) => app.store.state.images.map(({ id }) => id);
    expect(ids(one)).to.have.length(4);
    expect(ids(one)).to.deep.equal(ids(two));
    one.dispose();
    two.dispose();
  });
});

describe('seeds of sample scenes', () => {
  it('stay below those the models were trained on', () => {
    for (const seed of [0, 1, 9999, 10_000, 4294967295]) {
      for (const index of [0, 4, 999, 1000]) expect(sampleSeed(seed, index)).to.be.within(0, 9_999_999);
    }
    expect(sampleSeed(1, 0)).to.not.equal(sampleSeed(2, 0));
  });
});

describe('sampling', () => {
  it('streams answers, then scores each with CLIP', async () => {
    const app = await withPicture();
    const texts = new Set<string>();
    const stop = app.store.subscribe(({ candidates }) => texts.add(candidates[0]?.text ?? ''));
    await app.intents.sample();
    stop();
    expect(texts.has('A cat'), 'text while streaming').to.equal(true);
    const { candidates } = app.store.state;
    expect(candidates.map(({ text }) => text)).to.deep.equal(app.engine.answers);
    for (const { text, clip, status, logpSum, tokens, finish } of candidates) {
      expect(clip).to.equal(fakeClip(text));
      expect(status).to.equal('ready');
      expect(finish).to.equal('stop');
      expect(logpSum).to.be.closeTo(fakeLogps(text).sum, 1e-12);
      expect(tokens).to.have.length(fakeLogps(text).length);
    }
    app.dispose();
  });

  it('passes the settings on, and the same ones again', async () => {
    const app = await withPicture();
    app.intents.setSetting('seed', 42);
    app.intents.setSetting('n', 2);
    await app.intents.sample();
    const request = app.engine.callsOf('sample')[0] as Record<string, unknown>;
    expect(request).to.include({ seed: 42, n: 2, prompt: app.store.state.settings.prompt });
    app.dispose();
  });

  it('keeps the text so far when it is cancelled', async () => {
    const app = await withPicture();
    let tokens = 0;
    app.engine.before = (method) => {
      if (method === 'sample' && ++tokens === 10) app.intents.cancel();
    };
    await app.intents.sample();
    const { candidates, activity, notices } = app.store.state;
    expect(activity).to.equal(null);
    expect(notices.filter(({ tone }) => tone === 'error')).to.have.length(0);
    expect(candidates.map(({ text }) => text)).to.deep.equal(['A cat on the grass.', 'A cat and']);
    expect(candidates[1].finish).to.equal('cancelled');
    expect(candidates.every(({ status }) => status === 'ready')).to.equal(true);
    app.dispose();
  });

  it('keeps the text so far when the engine fails, and says so', async () => {
    const app = await withPicture();
    let tokens = 0;
    app.engine.before = (method) => {
      if (method === 'sample' && ++tokens === 3) throw new DeviceLostError('The GPU went away.');
    };
    await app.intents.sample();
    expect(lastNotice(app)).to.include('The GPU went away.').and.to.include('kept');
    expect(app.store.state.candidates.map(({ text }) => text)).to.deep.equal(['A cat']);
    app.dispose();
  });

  it('replaces earlier answers except marked and own ones; undo brings them back', async () => {
    const app = await withPicture();
    await app.intents.sample();
    const [first, second] = app.store.state.candidates;
    app.intents.markChosen(first.id);
    app.intents.editCandidate(second.id, 'My own words.');
    await app.intents.sample();
    const { candidates } = app.store.state;
    expect(candidates).to.have.length(6);
    expect(candidates.slice(0, 2).map(({ id }) => id)).to.deep.equal([first.id, second.id]);
    app.intents.undo();
    expect(app.store.state.candidates).to.have.length(8);
    app.dispose();
  });

  it('says what is missing instead of starting', async () => {
    const app = await makeApp({ ready: false });
    await app.intents.sample();
    expect(lastNotice(app)).to.include('image');
    await app.intents.addImages([await plainPicture()]);
    await app.intents.sample();
    expect(lastNotice(app)).to.include('loading');
    await app.intents.retryEngine();
    app.intents.setSetting('prompt', '  ');
    await app.intents.sample();
    expect(lastNotice(app)).to.include('prompt');
    app.intents.setSetting('prompt', 'What?');
    const run = app.intents.sample();
    await app.intents.sample();
    expect(lastNotice(app)).to.include('cancel or wait');
    await run;
    expect(app.store.state.candidates).to.have.length(4);
    app.dispose();
  });
});

describe('answers', () => {
  it('are scored anew after an edit; the newest edit wins', async () => {
    const app = await withPicture();
    await app.intents.sample();
    const { id } = app.store.state.candidates[0];
    let release = () => {};
    app.engine.before = (method, request) => {
      if (method !== 'logps' || (request as { response: string }).response !== 'First edit.') return;
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    };
    app.intents.editCandidate(id, 'First edit.');
    expect(app.store.state.candidates[0]).to.include({ text: 'First edit.', status: 'scoring', source: 'edited' });
    expect(app.store.state.candidates[0].clip).to.equal(undefined);
    await until(() => app.engine.callsOf('logps').length > 0, 'the first edit is being scored');
    app.intents.editCandidate(id, 'Second edit, longer.');
    release();
    await stateWhere(app, ({ candidates }) => candidates[0].status === 'ready', 'scores of the second edit');
    const [edited] = app.store.state.candidates;
    expect(edited.text).to.equal('Second edit, longer.');
    expect(edited.logpSum).to.be.closeTo(fakeLogps('Second edit, longer.').sum, 1e-12);
    expect(edited.clip).to.equal(fakeClip('Second edit, longer.'));
    app.dispose();
  });

  it('of one’s own are scored too', async () => {
    const app = await withPicture();
    app.intents.writeCandidate('Mine.');
    await stateWhere(app, ({ candidates }) => candidates[0].status === 'ready', 'scores');
    expect(app.store.state.candidates[0]).to.include({ source: 'written', text: 'Mine.', clip: fakeClip('Mine.') });
    expect(app.intents.writeCandidate('  ')).to.equal(null);
    app.dispose();
  });

  it('that cannot be scored say why, and can be tried again', async () => {
    const app = await withPicture();
    app.engine.before = (method) => {
      if (method === 'logps') throw new EngineError('Too long for the model.');
    };
    app.intents.writeCandidate('Mine.');
    await stateWhere(app, ({ candidates }) => candidates[0].status === 'error', 'the error');
    expect(app.store.state.candidates[0].error).to.equal('Too long for the model.');
    app.engine.before = () => {};
    app.intents.scoreCandidate(app.store.state.candidates[0].id);
    await stateWhere(app, ({ candidates }) => candidates[0].status === 'ready', 'scores');
    app.dispose();
  });

  it('carry one chosen and one rejected mark per image', async () => {
    const app = await withPicture();
    await app.intents.sample();
    const ids = app.store.state.candidates.map(({ id }) => id);
    app.intents.markChosen(ids[0]);
    app.intents.markChosen(ids[1]);
    app.intents.markRejected(ids[2]);
    app.intents.markRejected(ids[1]);
    const marks = app.store.state.candidates.map(({ mark }) => mark);
    expect(marks).to.deep.equal([undefined, 'rejected', undefined, undefined]);
    app.dispose();
  });

  it('are marked by CLIP: the pair that has most to teach', async () => {
    const app = await withPicture();
    app.intents.rankBy('clip');
    expect(lastNotice(app)).to.include('Marking by CLIP takes two different, whole answers');
    await app.intents.sample();
    app.intents.rankBy('clip');
    const { candidates } = app.store.state;
    const scored = candidates.map(({ text, clip }) => ({ text, score: clip! }));
    const { chosen, rejected } = judgedPairs(scored)[0];
    const expected = scored.map((each) => (each === chosen ? 'chosen' : each === rejected ? 'rejected' : undefined));
    expect(candidates.map(({ mark }) => mark)).to.deep.equal(expected);
    app.intents.undo();
    expect(app.store.state.candidates.some(({ mark }) => mark)).to.equal(false);
    app.dispose();
  });
});
