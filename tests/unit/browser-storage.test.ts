import { expect } from '@esm-bundle/chai';
import { openDB } from 'idb';
import { INITIAL_STATE } from '../../src/state/defaults.ts';
import { browserBackend } from '../../src/state/persistence/browser.ts';
import { pack, unpack } from '../../src/state/persistence/packed.ts';
import { changesBetween, createPersistence } from '../../src/state/persistence.ts';
import type { AppState, ImageRecord } from '../../src/state/state.ts';
import { makeApp } from '../support/app.ts';
import { beforeStep, lossesOf, makeTrainable, notices, runOf } from '../support/trainable.ts';

/** A checkpoint's kinds of values, and a number that JSON lacks. */
const value = {
  step: 3,
  names: ['a', 'ü'],
  nothing: null,
  margin: Number.NaN,
  values: new Float32Array([1.5, -0, Number.NaN]),
  loss: new Float64Array([Math.PI]),
  empty: new Float32Array(),
};

async function filesOf(name: string): Promise<string[]> {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle(`${name}-runs`);
  const names: string[] = [];
  for await (const file of folder.keys()) names.push(decodeURIComponent(file));
  return names.sort();
}

/** The browser has no room from now on. Returns the function that makes room again. */
function fill(): () => void {
  const { write } = FileSystemWritableFileStream.prototype;
  FileSystemWritableFileStream.prototype.write = async () => {
    throw new DOMException('No room.', 'QuotaExceededError');
  };
  return () => {
    FileSystemWritableFileStream.prototype.write = write;
  };
}

describe('the browser’s own storage', () => {
  it('keeps records in order and bytes as they are, and sweeps bytes nobody names', async () => {
    const backend = browserBackend(`margin-test-${performance.now()}`);
    const image = (id: string): ImageRecord => ({ id, name: id, width: 1, height: 1, bytes: 3 });
    const state: AppState = { ...INITIAL_STATE, images: [image('z'), image('a')], selectedImage: 'z' };
    await backend.records.write(changesBetween(null, state)!);
    await backend.records.write(changesBetween(state, { ...state, images: [state.images[1], image('m')] })!);
    const { values, lists } = await backend.records.read();
    expect(lists.images.map(({ id }) => id)).to.deep.equal(['a', 'm']);
    expect(values.get('selectedImage')).to.equal('z');
    await backend.bytes.put('a', new Blob(['abc']));
    await backend.bytes.put('m', new Blob(['xyz']));
    await backend.bytes.keepOnly((id) => id === 'a');
    expect(await (await backend.bytes.get('a'))?.text()).to.equal('abc');
    expect(await backend.bytes.get('m')).to.equal(undefined);
  });

  it('lets one page at a time save', async () => {
    const name = `margin-test-lock-${performance.now()}`;
    expect(await browserBackend(name).claim(() => {})).to.equal(true);
    expect(await browserBackend(name).claim(() => {})).to.equal(false);
  });

  it('keeps the files of runs as they are, in the private file system', async () => {
    const name = `margin-test-runs-${performance.now()}`;
    const { runs } = browserBackend(name);
    await runs.put('run-1/step-3', value);
    await runs.put('imported/adapter', new Uint8Array([1, 2, 3]));
    const again = browserBackend(name).runs;
    expect(await again.get('run-1/step-3')).to.deep.equal(value);
    expect(await again.get('imported/adapter')).to.deep.equal(new Uint8Array([1, 2, 3]));
    expect(await again.get('run-1/step-4')).to.equal(undefined);
    expect((await again.keys()).sort()).to.deep.equal(['imported/adapter', 'run-1/step-3']);
    expect(await filesOf(name)).to.deep.equal(['imported/adapter', 'run-1/step-3']);
    await again.remove('run-1/step-3');
    await again.remove('run-1/step-3');
    expect(await filesOf(name)).to.deep.equal(['imported/adapter']);
  });

  it('reads what earlier versions left in IndexedDB, and takes it away with the run', async () => {
    const name = `margin-test-old-${performance.now()}`;
    const { runs, records } = browserBackend(name);
    await records.read();
    const db = await openDB(name);
    await db.put('runs', value, 'run-1/step-3');
    await db.put('runs', value, 'run-1/step-6');
    expect(await runs.get('run-1/step-3')).to.deep.equal(value);
    expect((await runs.keys()).sort()).to.deep.equal(['run-1/step-3', 'run-1/step-6']);
    await runs.put('run-1/step-6', { ...value, step: 6 });
    await runs.remove('run-1/step-3');
    expect(await runs.keys()).to.deep.equal(['run-1/step-6']);
    expect(await db.getAllKeys('runs')).to.deep.equal([]);
    expect(await runs.get('run-1/step-6')).to.deep.equal({ ...value, step: 6 });
    db.close();
  });

  it('does with IndexedDB alone where a page cannot write files', async () => {
    const { createWritable } = FileSystemFileHandle.prototype;
    Reflect.deleteProperty(FileSystemFileHandle.prototype, 'createWritable');
    try {
      const { runs, bytes } = browserBackend(`margin-test-plain-${performance.now()}`);
      await runs.put('run-1/step-3', value);
      await bytes.put('a', new Blob(['abc']));
      expect(await runs.get('run-1/step-3')).to.deep.equal(value);
      expect(await runs.keys()).to.deep.equal(['run-1/step-3']);
      await runs.remove('run-1/step-3');
      expect(await runs.keys()).to.deep.equal([]);
      expect(await (await bytes.get('a'))?.text()).to.equal('abc');
    } finally {
      FileSystemFileHandle.prototype.createWritable = createWritable;
    }
  });

  it('keeps the file that was there when there is no room for its successor, and leaves no empty one', async () => {
    const name = `margin-test-full-${performance.now()}`;
    const { runs } = browserBackend(name);
    await runs.put('run-1/metrics', value);
    const empty = fill();
    for (const key of ['run-1/metrics', 'run-1/step-4']) {
      const error = await runs.put(key, { step: 4 }).catch((caught: Error) => caught);
      expect(error).to.have.property('name', 'QuotaExceededError');
    }
    empty();
    expect(await runs.get('run-1/metrics')).to.deep.equal(value);
    expect(await filesOf(name)).to.deep.equal(['run-1/metrics']);
  });

  it('a damaged file is none', async () => {
    const whole = await pack(value).arrayBuffer();
    expect(unpack(whole)).to.deep.equal(value);
    for (const length of [2, 20, whole.byteLength - 1]) {
      expect(() => unpack(whole.slice(0, length)), `${length} bytes`).to.throw();
    }
    const name = `margin-test-damaged-${performance.now()}`;
    const persistence = createPersistence(browserBackend(name));
    await persistence.restore();
    const { runs } = persistence;
    await runs.put('run-1', 'step-3', value);
    const root = await navigator.storage.getDirectory();
    const file = await (await root.getDirectoryHandle(`${name}-runs`)).getFileHandle('run-1%2Fstep-3');
    const writable = await file.createWritable();
    await writable.write(whole.slice(0, 30));
    await writable.close();
    expect(await runs.get('run-1', 'step-3')).to.equal(undefined);
  });

  it('what Margin 0.1 stored opens, and stays as it was', async () => {
    const name = `margin-test-0.1-${performance.now()}`;
    const { stores } = await (await fetch('/tests/golden/workspace-0.1/database.json')).json();
    const old = await openDB(name, 2, {
      upgrade(db) {
        for (const store of Object.keys(stores)) {
          db.createObjectStore(
            store,
            ['images', 'candidates', 'pairs'].includes(store) ? { keyPath: 'id' } : undefined,
          );
        }
      },
    });
    for (const [store, entries] of Object.entries<[string, unknown][]>(stores)) {
      for (const [key, each] of entries)
        await old.put(store, each, old.transaction(store).store.keyPath ? undefined : key);
    }
    old.close();
    const { address: _, ...stored } = browserBackend(name);
    const app = await makeApp({ backend: stored, ready: false });
    const { state } = app.store;
    expect(state.notices).to.deep.equal([]);
    const listed = (list: 'pairs' | 'candidates') =>
      Object.fromEntries((stores[list] as [string, unknown][]).map(([key, each]) => [key, each]));
    expect(Object.fromEntries(state.pairs.map((pair) => [pair.id, pair]))).to.deep.equal(listed('pairs'));
    expect(state.candidates).to.have.length(2);
    expect(state.images, 'their bytes are gone, so the scenes are drawn again').to.have.length(4);
    for (const { id } of state.images) expect((await app.images.blob(id)).size).to.be.greaterThan(1000);
    expect(state.training.runs).to.have.length(1);
    app.dispose();
  });

  it('a run over full storage goes on, and the next visit continues it from the last checkpoint that found room', async () => {
    const { address, ...stored } = browserBackend(`margin-test-run-${performance.now()}`);
    const claim = async () => true;
    const first = await makeTrainable({ backend: { ...stored, claim } });
    first.intents.setTraining({ eval_steps: 2, eval_scenes: 0, kl_answers: 1, kl_steps: 2 });
    let empty = () => {};
    beforeStep(first, (step) => {
      if (step === 5) empty = fill();
      if (step === 6) first.intents.pauseTraining();
    });
    await first.intents.train();
    expect(runOf(first)).to.deep.include({ status: 'paused', step: 5, checkpoints: [2, 4] });
    expect(notices(first)).to.contain('no more room').and.to.contain('what was saved before is kept');
    const losses = lossesOf(first);
    await first.flush();
    first.dispose();
    empty();

    const app = await makeApp({ backend: { ...stored, claim } });
    expect(runOf(app)).to.deep.include({ status: 'paused', step: 4, checkpoints: [2, 4] });
    expect(runOf(app).message).to.contain('no room for the checkpoint of step 5');
    expect(app.store.state.adapter).to.include({ step: 4 });
    expect(await app.engine.adapter.facts()).to.include({ step: 4 });
    expect(notices(app)).to.equal('');
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect(lossesOf(app).slice(0, 5)).to.deep.equal(losses);
    app.dispose();
  });
});
