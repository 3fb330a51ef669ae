import { expect } from '@esm-bundle/chai';
import { contentId } from '../../src/state/decode.ts';
import { DEFAULT_SETTINGS, INITIAL_STATE } from '../../src/state/defaults.ts';
import { type Backend, type RecordChange } from '../../src/state/persistence/backend.ts';
import { decodeLink, encodeLink } from '../../src/state/persistence/link.ts';
import { MemoryAddress, MemoryRecords, memoryBackend } from '../../src/state/persistence/memory.ts';
import {
  changesBetween,
  createPersistence,
  isQuotaError,
  SETTINGS_PLACES,
  STATE_PLACES,
  VIEW_PLACES,
} from '../../src/state/persistence.ts';
import type { AppState, ImageRecord, Settings } from '../../src/state/state.ts';
import { makeApp, makeAppWithDraft, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { until } from '../support/until.ts';

/** Closes an app as a closed tab would, and opens another on the same storage. */
async function reopen(app: TestApp, parts: Partial<Backend> = {}, ready = true): Promise<TestApp> {
  await app.flush();
  app.dispose();
  return makeApp({ backend: { ...app.backend, ...parts }, ready });
}

const unusual: Settings = {
  vlm: 'HuggingFaceTB/SmolVLM-256M-Instruct',
  clip: 'toybox-clip',
  prompt: 'Was ist das? 猫 & "x"=1 #50%',
  n: 7,
  temperature: 0.35,
  topP: 0.9,
  maxTokens: 33,
  seed: 4294967295,
  objective: 'simpo',
  hyperparameters: { dpo_sigmoid: { beta: 0.25 } },
  training: {
    ...DEFAULT_SETTINGS.training,
    learning_rate: 3e-4,
    target_modules: ['q_proj', 'v_proj'],
    early_stopping: true,
    eval_steps: 5,
  },
};

describe('the persistence table', () => {
  it('says for every key of the state where it is kept', () => {
    expect(Object.keys(STATE_PLACES).sort()).to.deep.equal(Object.keys(INITIAL_STATE).sort());
    expect(Object.keys(SETTINGS_PLACES).sort()).to.deep.equal(Object.keys(DEFAULT_SETTINGS).sort());
    expect(Object.keys(VIEW_PLACES).sort()).to.deep.equal(Object.keys(INITIAL_STATE.view).sort());
  });

  it('writes what the table calls stored, and nothing else', () => {
    const change = changesBetween(null, INITIAL_STATE)!;
    const stored = [...change.values.keys(), ...change.lists.map(({ name }) => name)];
    const promised = Object.entries(STATE_PLACES).flatMap(([key, place]) => (place === 'none' ? [] : [key]));
    // Lists that are empty at first have nothing to write.
    expect(promised.filter((key) => !stored.includes(key)).sort()).to.deep.equal([]);
  });

  it('writes only records that changed', () => {
    const image = (id: string): ImageRecord => ({ id, name: id, width: 1, height: 1, bytes: 1 });
    const before: AppState = { ...INITIAL_STATE, images: [image('a'), image('b'), image('c')] };
    const after: AppState = { ...before, images: [before.images[0], { ...before.images[2], name: 'new' }] };
    const change = changesBetween(before, after)!;
    expect(change.values.size).to.equal(0);
    expect(change.lists).to.have.length(1);
    expect(change.lists[0].put.map(({ id }) => id)).to.deep.equal(['c']);
    expect(change.lists[0].remove).to.deep.equal(['b']);
    expect(change.lists[0].order).to.deep.equal(['a', 'c']);
    expect(changesBetween(after, after)).to.equal(null);
  });
});

describe('the link', () => {
  it('brings every setting back', () => {
    expect(decodeLink(`#${encodeLink(unusual)}`)).to.deep.equal(unusual);
    expect(decodeLink(encodeLink(DEFAULT_SETTINGS))).to.deep.equal(DEFAULT_SETTINGS);
  });

  it('is short', () => {
    expect(encodeLink(DEFAULT_SETTINGS).length).to.be.lessThan(200);
  });

  it('ignores junk', () => {
    for (const junk of [
      '',
      '#',
      '#section-2',
      '#%E0%A4%A',
      '#n=&t=x&seed=NaN',
      '#=&&==',
      '#objective=no_such',
      '#vlm=../../x y',
    ]) {
      expect(decodeLink(junk), junk).to.deep.equal({});
    }
  });

  it('brings numbers into range and drops what an objective refuses', () => {
    const settings = decodeLink('#n=999&t=-3&top_p=7&max=2.6&seed=1e99&dpo_sigmoid.beta=-1&dpo_sigmoid.nope=1&x.y=2');
    expect(settings).to.deep.equal({
      n: 16,
      temperature: 0,
      topP: 1,
      maxTokens: 3,
      seed: 4294967295,
      hyperparameters: {},
      training: DEFAULT_SETTINGS.training,
    });
  });

  it('wins over what is stored', async () => {
    const app = await makeApp();
    app.intents.setSetting('seed', 5);
    app.intents.setSetting('n', 3);
    const again = await reopen(app, { address: new MemoryAddress('seed=77') });
    expect(again.store.state.settings.seed).to.equal(77);
    expect(again.store.state.settings.n).to.equal(3);
    again.dispose();
  });

  it('follows the settings in the address, and the address when a person opens a link', async () => {
    const app = await makeApp();
    const address = app.backend.address as MemoryAddress;
    app.intents.setSetting('temperature', 0.5);
    await app.flush();
    expect(decodeLink(address.hash()).temperature).to.equal(0.5);
    address.visit('t=0.25&objective=dpo_sigmoid');
    expect(app.store.state.settings.temperature).to.equal(0.25);
    expect(app.intents.link()).to.include('t=0.25');
    app.dispose();
  });
});

describe('a closed tab', () => {
  it('loses no picture, answer, mark, pair or setting', async () => {
    const app = await makeAppWithDraft();
    app.intents.addPair();
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    app.intents.markChosen(app.store.state.candidates[2].id);
    app.intents.setSetting('prompt', 'What is there?');
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', 0.3);
    app.intents.setTheme('dark');
    const before = app.store.state;
    const bytes = await (await app.images.blob(before.images[0].id)).arrayBuffer();
    const again = await reopen(app);
    const after = again.store.state;
    for (const key of ['images', 'candidates', 'pairs', 'settings', 'selectedImage', 'selectedPair'] as const) {
      expect(after[key], key).to.deep.equal(before[key]);
    }
    expect(after.view).to.deep.equal({ ...before.view, overlay: 'none' });
    expect(await (await again.images.blob(after.images[0].id)).arrayBuffer()).to.deep.equal(bytes);
    expect(again.engine.callsOf('pairLogps'), 'scores are kept, not computed anew').to.have.length(0);
    again.dispose();
  });

  it('scores pairs that were not scored yet', async () => {
    const app = await makeAppWithDraft();
    app.engine.before = (method) => (method === 'pairLogps' ? new Promise(() => {}) : undefined);
    app.intents.addPair();
    const again = await reopen(app);
    await stateWhere(again, ({ pairs }) => pairs[0].scores !== undefined, 'scores after the reload');
    again.dispose();
  });

  it('keeps what had been streamed', async () => {
    const app = await makeApp();
    await app.intents.addImages([await plainPicture()]);
    let tokens = 0;
    app.engine.before = (method) => (method === 'sample' && ++tokens > 3 ? new Promise(() => {}) : undefined);
    void app.intents.sample();
    await stateWhere(app, ({ candidates }) => candidates[0]?.tokens.length === 3, 'three tokens');
    const again = await reopen(app, {}, false);
    const [first] = again.store.state.candidates;
    expect(first.text).to.equal('A cat on');
    expect(first.finish).to.equal('cancelled');
    expect(first.status).to.equal('scoring');
    again.dispose();
  });

  it('keeps a picture that was dropped before the stored work was back', async () => {
    const app = await makeApp();
    await app.intents.addImages([await plainPicture([0, 0, 200], 'blue.png')]);
    await app.flush();
    app.dispose();
    const { createApp } = await import('../../src/state/app.ts');
    const { FakeEngine } = await import('../support/fake-engine.ts');
    let open = () => {};
    const claim = () =>
      new Promise<boolean>((resolve) => {
        open = () => resolve(true);
      });
    const early = createApp({ engine: new FakeEngine(), persistence: createPersistence({ ...app.backend, claim }) });
    const dropped = await plainPicture();
    const id = await contentId(dropped);
    const added = early.intents.addImages([dropped]);
    await until(() => early.images.has(id), 'the dropped picture');
    open();
    await Promise.all([early.restored, added]);
    expect(early.store.state.images.map(({ name }) => name).sort()).to.deep.equal(['blue.png', 'red.png']);
    early.dispose();
  });

  it('says which pictures the browser has dropped, and keeps the rest', async () => {
    const app = await makeAppWithDraft();
    app.intents.addPair();
    await app.flush();
    const again = await reopen(app, { bytes: memoryBackend().bytes });
    const { notices, pairs, images } = again.store.state;
    expect(notices.some(({ message }) => message.includes('red.png'))).to.equal(true);
    expect(images).to.have.length(1);
    expect(pairs).to.have.length(1);
    again.dispose();
  });
});

describe('storage that fails', () => {
  class FullRecords extends MemoryRecords {
    full = true;
    override async write(change: RecordChange) {
      if (this.full) throw new DOMException('No room.', 'QuotaExceededError');
      return super.write(change);
    }
  }

  it('tells a full storage once, works on, and saves again when there is room', async () => {
    const records = new FullRecords();
    const app = await makeApp({ backend: { records } });
    app.intents.setSetting('seed', 9);
    await app.flush();
    app.intents.setSetting('seed', 10);
    await app.flush();
    const told = app.store.state.notices.filter(({ message }) => message.includes('no more room'));
    expect(told).to.have.length(1);
    expect(app.store.state.settings.seed).to.equal(10);
    records.full = false;
    app.intents.setSetting('seed', 11);
    await app.flush();
    expect((records.values.get('settings') as Settings).seed).to.equal(11);
    app.dispose();
  });

  it('knows a quota error by name', () => {
    expect(isQuotaError(new DOMException('', 'QuotaExceededError'))).to.equal(true);
    expect(isQuotaError(new Error('other'))).to.equal(false);
  });

  it('starts afresh, with a notice, when reading fails, and writes nothing over what may be there', async () => {
    const earlier = await makeAppWithDraft();
    await earlier.flush();
    earlier.dispose();
    const records = earlier.backend.records as MemoryRecords;
    records.read = () => Promise.reject(new Error('blocked'));
    const app = await makeApp({ backend: { records } });
    expect(app.store.state.notices.some(({ message }) => message.includes('refused to store'))).to.equal(true);
    app.intents.setSetting('seed', 31);
    await app.flush();
    expect(records.lists.images).to.have.length(1);
    expect((records.values.get('settings') as Settings).seed).to.equal(1);
    app.dispose();
  });

  it('does not save over the workspace of another tab', async () => {
    const records = new MemoryRecords();
    const app = await makeApp({ backend: { records, claim: async () => false } });
    app.intents.setSetting('seed', 9);
    await app.flush();
    expect(records.values.size).to.equal(0);
    expect(app.store.state.notices.some(({ message }) => message.includes('another tab'))).to.equal(true);
    app.dispose();
  });
});
