import { expect } from '@esm-bundle/chai';
import type { RecordChange } from '../../src/state/persistence/backend.ts';
import { decodeChange, encodeChange, withChange } from '../../src/state/persistence/journal.ts';
import { MemoryNote, MemoryRecords, memoryBackend } from '../../src/state/persistence/memory.ts';
import { mergeWork } from '../../src/state/persistence.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { beforeStep, makeTrainable, notices, runOf } from '../support/trainable.ts';
import { sharedBackends } from '../support/two-tabs.ts';

const fields = (app: TestApp, chosen: string) => ({
  imageId: app.store.state.images[0].id,
  prompt: 'What is it?',
  chosen,
  rejected: 'Something else.',
});
const chosen = (app: TestApp) => app.store.state.pairs.map((pair) => pair.chosen);

/** Settles when a page that waited for the workspace saves it. */
const saving = (app: TestApp) =>
  stateWhere(
    app,
    ({ notices }) =>
      notices.some(({ message }) => message.includes('from now on')) &&
      !notices.some(({ action }) => action === 'save here'),
    'taken over',
  );

/** A store that never gets to write: the page dies first. */
class NeverWrites extends MemoryRecords {
  override write(_: RecordChange): Promise<void> {
    return new Promise(() => {});
  }
}

describe('a page that dies this moment', () => {
  it('has put every change into the journal, which the next visit replays', async () => {
    const first = await makeApp();
    await first.intents.addImages([await plainPicture()]);
    first.intents.addPairOf(fields(first, 'Old.'));
    await first.flush();
    first.dispose();
    const records = new NeverWrites();
    const stored = first.backend.records as MemoryRecords;
    Object.assign(records, { values: stored.values, lists: stored.lists });
    const journal = new MemoryNote();
    const dying = await makeApp({ backend: { ...first.backend, records, journal }, ready: false });
    dying.intents.addPairOf(fields(dying, 'New.'));
    dying.intents.deletePair(dying.store.state.pairs[0].id);
    await Promise.resolve();
    expect(journal.text).to.be.a('string');
    // Nothing more happens on this page: no flush, no dispose.
    const again = await makeApp({ backend: { ...first.backend, journal }, ready: false });
    expect(chosen(again), 'the new one is there, the deleted one is not').to.deep.equal(['New.']);
    await again.flush();
    expect(journal.text, 'what is stored needs no journal').to.equal(null);
    const third = await makeApp({ backend: { ...first.backend, journal }, ready: false });
    expect(chosen(third)).to.deep.equal(['New.']);
    again.dispose();
    third.dispose();
  });

  it('may replay what is stored already, and ignores a damaged journal', () => {
    const change: RecordChange = {
      values: new Map([['selectedPair', 'b']]),
      lists: [{ name: 'pairs', put: [{ id: 'b' }], remove: ['a'], order: ['b'] }],
    };
    const stored = { values: new Map(), lists: { images: [], candidates: [], pairs: [{ id: 'a' }] } };
    const again = decodeChange(encodeChange(change))!;
    const once = withChange(stored, again);
    expect(once.lists.pairs).to.deep.equal([{ id: 'b' }]);
    expect(withChange(once, again)).to.deep.equal(once);
    for (const junk of [null, '', '{', '7', '[]', '{"values":1}', '{"values":[],"lists":7}']) {
      expect(decodeChange(junk), String(junk)).to.equal(null);
    }
    expect(decodeChange('{"values":[7],"lists":[null,{"name":"x"},{"name":"pairs","put":[7]}]}')?.lists).to.deep.equal([
      { name: 'pairs', put: [], remove: [], order: [] },
    ]);
  });
});

describe('two tabs of one workspace', () => {
  it('the second waits, joins its work to what the first saved, and saves from then on', async () => {
    const open = sharedBackends();
    const first = await makeApp({ backend: open(), ready: false });
    await first.intents.addImages([await plainPicture()]);
    for (const name of ['Kept.', 'Deleted there.', 'Deleted here.', 'Edited by both.']) {
      first.intents.addPairOf(fields(first, name));
    }
    await first.flush();
    const second = await makeApp({ backend: open(), ready: false });
    expect(notices(second)).to.contain('another tab');
    const [, there, here, both] = first.store.state.pairs;
    second.intents.addPairOf(fields(second, 'Of the second.'));
    second.intents.deletePair(here.id);
    second.intents.editPair(both.id, { chosen: 'As here.' });
    second.intents.setSetting('seed', 7);
    await second.intents.addImages([await plainPicture([0, 0, 200], 'blue.png')]);
    first.intents.addPairOf(fields(first, 'Of the first.'));
    first.intents.deletePair(there.id);
    first.intents.editPair(both.id, { chosen: 'As there.' });
    first.intents.setSetting('prompt', 'Where?');
    await first.suspend();
    await saving(second);
    expect(chosen(second).sort()).to.deep.equal(
      ['Kept.', 'As there.', 'As here.', 'Of the first.', 'Of the second.'].sort(),
    );
    expect(second.store.state.settings).to.include({ seed: 7, prompt: 'Where?' });
    expect(notices(second)).to.contain('saves the workspace from now on').and.to.contain('1 picture added here');
    expect(notices(second)).to.not.contain('another tab, which');
    second.intents.addPairOf(fields(second, 'Afterwards.'));
    await second.suspend();
    first.dispose();
    second.dispose();
    const third = await makeApp({ backend: open(), ready: false });
    expect(chosen(third)).to.deep.equal(chosen(second));
    expect(third.store.state.images).to.have.length(2);
    expect(notices(third), 'the bytes of both pictures are there').to.equal('');
    third.dispose();
  });

  it('the one that is asked lets go, waits in its turn and takes over again', async () => {
    const open = sharedBackends();
    const first = await makeApp({ backend: open(), ready: false });
    await first.intents.addImages([await plainPicture()]);
    const second = await makeApp({ backend: open(), ready: false });
    second.intents.saveHere();
    await saving(second);
    await stateWhere(first, ({ notices }) => notices.some(({ action }) => action === 'save here'), 'told');
    first.intents.addPairOf(fields(first, 'Of the first.'));
    second.intents.addPairOf(fields(second, 'Of the second.'));
    await second.suspend();
    await saving(first);
    expect(chosen(first)).to.deep.equal(['Of the second.', 'Of the first.']);
    first.dispose();
    second.dispose();
  });

  it('a run of the tab that does not save is stored with its checkpoints when it takes over', async () => {
    const open = sharedBackends();
    const first = await makeApp({ backend: open(), ready: false });
    const second = await makeTrainable({ backend: open() });
    await second.intents.train();
    const { id, step, checkpoints } = runOf(second);
    await first.suspend();
    await saving(second);
    await second.suspend();
    const third = await makeApp({ backend: open() });
    expect(third.store.state.training.runs).to.have.length(1);
    expect(third.training.run).to.deep.include({ id, step, checkpoints });
    expect(third.training.log(id).length).to.equal(step);
    expect(await third.engine.adapter.facts()).to.include({ step });
    for (const app of [first, second, third]) app.dispose();
  });

  it('merging changes nothing where nothing happened', async () => {
    const app = await makeTrainable();
    const { state } = app.store;
    expect(mergeWork(state, state, structuredClone({ ...state, engine: { kind: 'idle' as const } }))).to.deep.include({
      pairs: state.pairs,
      images: state.images,
      settings: state.settings,
    });
    app.dispose();
  });
});

describe('stored records that are damaged', () => {
  it('are set aside with a notice, and the rest is there', async () => {
    const first = await makeTrainable();
    await first.intents.train();
    await first.flush();
    first.dispose();
    const records = first.backend.records as MemoryRecords;
    const { pairs } = records.lists;
    records.lists.pairs = [{ ...pairs[0], id: 'bad', chosen: 7 } as never, ...pairs];
    records.lists.candidates = [{ id: 'junk' }, ...records.lists.candidates];
    const training = records.values.get('training') as { runs: object[] };
    records.values.set('training', { ...training, runs: [...training.runs, { id: 'half a run' }] });
    records.values.set('view', 'nonsense');
    records.values.set('adapter', { key: 5 });
    records.values.set('order:pairs', 7);
    const again = await makeApp({ backend: { ...first.backend } });
    expect(again.store.state.pairs).to.have.length(pairs.length);
    expect(again.store.state.training.runs).to.have.length(1);
    expect(notices(again)).to.contain('4 stored records could not be read');
    expect(records.aside.map(({ from, id }) => `${from} ${id}`).sort()).to.deep.equal([
      'candidates junk',
      'pairs bad',
      'values adapter',
      'values training',
    ]);
    expect(again.training.log(again.store.state.training.runs[0].id).length, 'files of runs are not swept').to.equal(6);
    again.dispose();
  });
});

describe('a run whose record and files were written at different moments', () => {
  it('stands at the newest checkpoint that is there', async () => {
    const first = await makeTrainable();
    first.intents.setTraining({ eval_steps: 2, eval_scenes: 0, kl_answers: 1, kl_steps: 2 });
    beforeStep(first, (step) => {
      if (step === 5) first.intents.pauseTraining();
    });
    await first.intents.train();
    const run = runOf(first);
    expect(run.checkpoints.length).to.be.greaterThan(1);
    await first.flush();
    first.dispose();
    const records = first.backend.records as MemoryRecords;
    const stored = records.values.get('training') as { runs: object[]; run: string };
    const newest = run.checkpoints.at(-1)!;

    // The page died after the checkpoint was stored, before the record was.
    records.values.set('training', { ...stored, runs: [{ ...run, status: 'running', step: 0, checkpoints: [] }] });
    const second = await makeApp({ backend: { ...first.backend } });
    expect(runOf(second)).to.deep.include({ status: 'paused', step: newest, checkpoints: run.checkpoints });
    expect(runOf(second).message).to.contain(`go on from step ${newest}`);
    await second.flush();
    second.dispose();

    // The newest checkpoint is damaged.
    await first.backend.runs.put(`${run.id}/step-${newest}`, { version: 1, step: newest });
    const third = await makeApp({ backend: { ...first.backend } });
    expect(runOf(third).step).to.equal(run.checkpoints.at(-2));
    await third.intents.train();
    expect(runOf(third)).to.include({ status: 'finished', step: 6 });
    third.dispose();
  });
});

describe('storage that fails and comes back', () => {
  it('a picture that found no room is stored when there is some, and the notice goes', async () => {
    const backend = memoryBackend();
    const put = backend.bytes.put.bind(backend.bytes);
    backend.bytes.put = async () => {
      throw new DOMException('No room.', 'QuotaExceededError');
    };
    const app = await makeApp({ backend, ready: false });
    const [{ id }] = await app.intents.addImages([await plainPicture()]);
    await app.flush();
    expect(notices(app)).to.contain('no more room');
    backend.bytes.put = put;
    app.intents.setSetting('seed', 5);
    await app.flush();
    expect(await backend.bytes.get(id)).to.be.instanceOf(Blob);
    expect(notices(app)).to.contain('Saving works again').and.to.not.contain('no more room');
    app.dispose();
  });
});
