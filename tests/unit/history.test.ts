import { expect } from '@esm-bundle/chai';
import { applyDiff, diffList } from '../../src/state/history.ts';
import type { AppState } from '../../src/state/state.ts';
import { makeApp, makeAppWithDraft, plainPicture, stateWhere } from '../support/app.ts';
import { random as seeded } from '../support/random.ts';

type Item = { readonly id: string; readonly a?: number; readonly b?: number };

describe('list differences', () => {
  it('go back and forth, whatever was done', () => {
    const random = seeded(11);
    for (let trial = 0; trial < 200; trial++) {
      const before: Item[] = Array.from({ length: random.int(6) }, (_, i) => ({ id: `${i}`, a: random.int(3) }));
      let after = before
        .filter(() => random.int(3) > 0)
        .map((item) => (random.int(2) ? { ...item, a: random.int(3) } : item));
      after = [...after, ...Array.from({ length: random.int(3) }, (_, i) => ({ id: `new${i}` }))];
      const diff = diffList<Item>(before, after);
      if (!diff) continue;
      expect(applyDiff(before, diff, 'redo')).to.deep.equal(after);
      expect(applyDiff(after, diff, 'undo')).to.deep.equal(before);
    }
  });

  it('leave alone what changed otherwise', () => {
    const before: Item[] = [{ id: 'x', a: 1, b: 1 }];
    const diff = diffList<Item>(before, [{ id: 'x', a: 2, b: 1 }])!;
    expect(applyDiff<Item>([{ id: 'x', a: 2, b: 9 }, { id: 'y' }], diff, 'undo')).to.deep.equal([
      { id: 'x', a: 1, b: 9 },
      { id: 'y' },
    ]);
  });
});

const marks = ({ candidates }: AppState) => candidates.map(({ mark }) => mark ?? '-').join(' ');

describe('undo and redo', () => {
  it('cover marks', async () => {
    const app = await makeAppWithDraft();
    expect(marks(app.store.state)).to.equal('chosen rejected - -');
    app.intents.undo();
    expect(marks(app.store.state)).to.equal('chosen - - -');
    app.intents.undo();
    expect(marks(app.store.state)).to.equal('- - - -');
    app.intents.redo();
    app.intents.redo();
    expect(marks(app.store.state)).to.equal('chosen rejected - -');
    app.dispose();
  });

  it('cover adding, editing, swapping and deleting pairs', async () => {
    const app = await makeAppWithDraft();
    const id = app.intents.addPair()!;
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    const original = app.store.state.pairs[0];
    app.intents.editPair(id, { chosen: 'Something else.' });
    app.intents.swapPair(id);
    app.intents.deletePair(id);
    expect(app.store.state.pairs).to.have.length(0);
    app.intents.undo();
    expect(app.store.state.pairs[0].rejected).to.equal('Something else.');
    app.intents.undo();
    expect(app.store.state.pairs[0].chosen).to.equal('Something else.');
    app.intents.undo();
    expect(app.store.state.pairs[0], 'the old scores come back with the old text').to.deep.equal(original);
    app.intents.undo();
    expect(app.store.state.pairs).to.have.length(0);
    expect(marks(app.store.state), 'the marks come back with the draft').to.equal('chosen rejected - -');
    for (let i = 0; i < 3; i++) app.intents.redo();
    expect(app.store.state.pairs[0].rejected).to.equal('Something else.');
    app.dispose();
  });

  it('scores an undone state that has no scores', async () => {
    const app = await makeAppWithDraft();
    const id = app.intents.addPair()!;
    app.intents.deletePair(id);
    app.intents.undo();
    await stateWhere(app, ({ pairs }) => pairs[0]?.scores !== undefined, 'scores after undo');
    app.dispose();
  });

  it('keeps scores that arrived after the action that is undone', async () => {
    const app = await makeAppWithDraft();
    app.intents.addPair();
    app.intents.clearMark(app.store.state.candidates[0].id);
    app.intents.markChosen(app.store.state.candidates[2].id);
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    app.intents.undo();
    expect(app.store.state.pairs[0].scores).to.not.equal(undefined);
    app.dispose();
  });

  it('bring a removed picture back with its answers, pairs and bytes', async () => {
    const app = await makeAppWithDraft();
    await app.intents.addImages([await plainPicture([0, 0, 255], 'blue.png')]);
    app.intents.selectImage(app.store.state.images[0].id);
    app.intents.addPair();
    const before = app.store.state;
    app.intents.removeImage(before.images[0].id);
    expect(app.store.state.pairs).to.have.length(0);
    expect(app.store.state.candidates).to.have.length(0);
    expect(app.store.state.selectedImage).to.equal(before.images[1].id);
    app.intents.undo();
    expect(app.store.state.images).to.deep.equal(before.images);
    expect(app.store.state.candidates).to.deep.equal(before.candidates);
    expect(app.store.state.pairs.map(({ id }) => id)).to.deep.equal(before.pairs.map(({ id }) => id));
    expect(app.store.state.selectedImage).to.equal(before.images[0].id);
    expect((await app.images.blob(before.images[0].id)).size).to.be.greaterThan(0);
    app.dispose();
  });

  it('tell what they would do, and forget redo after a new action', async () => {
    const app = await makeAppWithDraft();
    expect(app.store.state.history.undo).to.equal('mark rejected');
    app.intents.undo();
    expect(app.store.state.history).to.deep.equal({ undo: 'mark chosen', redo: 'mark rejected' });
    app.intents.markRejected(app.store.state.candidates[3].id);
    expect(app.store.state.history.redo).to.equal(null);
    app.dispose();
  });

  it('do nothing, with a word, when there is nothing', async () => {
    const app = await makeApp();
    app.intents.undo();
    expect(app.store.state.notices.at(-1)?.message).to.include('nothing to undo');
    app.dispose();
  });
});
