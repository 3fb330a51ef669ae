import { expect } from '@esm-bundle/chai';
import { DeviceLostError } from '../../src/errors.ts';
import type { App } from '../../src/state/app.ts';
import { swapRow } from '../../src/state/rows.ts';
import { makeApp, makeAppWithDraft, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { fakeLogps } from '../support/fake-engine.ts';
import { turns } from '../support/until.ts';

const lastNotice = (app: App) => app.store.state.notices.at(-1)?.message ?? '';

/** An app with one picture selected. */
async function withPicture(): Promise<TestApp> {
  const app = await makeApp();
  await app.intents.addImages([await plainPicture()]);
  return app;
}

describe('pairs', () => {
  it('need one chosen and one rejected answer to the same prompt', async () => {
    const app = await withPicture();
    await app.intents.sample();
    expect(app.intents.addPair()).to.equal(null);
    expect(lastNotice(app)).to.include('one answer as chosen and one as rejected');
    app.intents.markChosen(app.store.state.candidates[0].id);
    app.intents.addPair();
    expect(lastNotice(app)).to.include('one answer as rejected');
    app.intents.setSetting('prompt', 'Another question?');
    app.intents.writeCandidate('Another answer.');
    app.intents.markRejected(app.store.state.candidates.at(-1)!.id);
    expect(app.intents.addPair()).to.equal(null);
    expect(lastNotice(app)).to.include('same prompt');
    app.dispose();
  });

  it('are scored, take the CLIP scores of their answers along, and clear the marks', async () => {
    const app = await makeAppWithDraft();
    const [chosen, rejected] = app.store.state.candidates;
    const id = app.intents.addPair();
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    const [pair] = app.store.state.pairs;
    expect(pair.id).to.equal(id);
    expect(pair.scores?.row.chosen).to.be.closeTo(fakeLogps(chosen.text).sum, 1e-12);
    expect(pair.clip).to.deep.equal({ chosen: chosen.clip, rejected: rejected.clip });
    expect(app.store.state.candidates.some(({ mark }) => mark)).to.equal(false);
    expect(app.store.state.selectedPair).to.equal(id);
    app.dispose();
  });

  it('can be ties, which are not scored', async () => {
    const app = await makeAppWithDraft();
    app.intents.tie();
    expect(app.store.state.pairs[0].verdict).to.equal('tie');
    await turns();
    expect(app.engine.callsOf('pairLogps')).to.have.length(0);
    app.intents.setVerdict(app.store.state.pairs[0].id, 'preferred');
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores of a tie that became a preference');
    app.dispose();
  });

  it('swap every number of the row', () => {
    const row = { chosen: 1, rejected: 2, refChosen: 3, refRejected: 4, chosenTailLogRatio: 5, wpoWeightRejected: 6 };
    const swapped = {
      rejected: 1,
      chosen: 2,
      refRejected: 3,
      refChosen: 4,
      rejectedTailLogRatio: 5,
      wpoWeightChosen: 6,
    };
    expect(swapRow(row)).to.deep.equal(swapped);
    expect(swapRow(swapped)).to.deep.equal(row);
  });

  it('swap their sides with their scores', async () => {
    const app = await makeAppWithDraft();
    const id = app.intents.addPair()!;
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    const before = app.store.state.pairs[0];
    app.intents.swapPair(id);
    const after = app.store.state.pairs[0];
    expect([after.chosen, after.rejected]).to.deep.equal([before.rejected, before.chosen]);
    expect(after.scores?.row.chosen).to.equal(before.scores?.row.rejected);
    expect(after.scores?.row.rejectedLength).to.equal(before.scores?.row.chosenLength);
    app.intents.swapPair(id);
    expect(app.store.state.pairs[0]).to.deep.equal(before);
    app.dispose();
  });

  it('refuse an empty side', async () => {
    const app = await makeAppWithDraft();
    const id = app.intents.addPair()!;
    app.intents.editPair(id, { chosen: ' ' });
    expect(app.store.state.pairs[0].chosen).to.equal('A cat on the grass.');
    app.dispose();
  });

  it('report progress while many are scored; a cancel keeps those that are done', async () => {
    const app = await withPicture();
    const imageId = app.store.state.images[0].id;
    let calls = 0;
    app.engine.before = (method) => {
      if (method === 'pairLogps' && ++calls === 3) app.intents.cancel();
    };
    const seen = new Set<string>();
    const stop = app.store.subscribe(({ activity }) => activity && seen.add(`${activity.done}/${activity.total}`));
    for (let i = 0; i < 5; i++)
      app.intents.addPairOf({ imageId, prompt: 'p', chosen: `chosen ${i}`, rejected: `rejected ${i}` });
    await stateWhere(app, ({ pairs }) => pairs.every(({ scores, error }) => scores || error), 'scores or errors');
    stop();
    const { pairs, activity } = app.store.state;
    expect(pairs.filter(({ scores }) => scores)).to.have.length(2);
    expect(pairs.filter(({ error }) => error?.includes('cancelled'))).to.have.length(3);
    expect([...seen].some((progress) => progress.endsWith('/5'))).to.equal(true);
    await stateWhere(app, (state) => state.activity === null, 'the end of the activity');
    expect(activity?.kind ?? 'score').to.equal('score');
    app.intents.scorePair(pairs[4].id);
    await stateWhere(app, (state) => state.pairs[4].scores !== undefined, 'scores of a pair tried again');
    app.dispose();
  });

  it('are scored after the engine lost its device and came back', async () => {
    const app = await makeAppWithDraft();
    let calls = 0;
    app.engine.before = (method) => {
      if (method === 'pairLogps' && ++calls === 1) throw new DeviceLostError('lost');
    };
    app.intents.addPair();
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    expect(calls).to.equal(2);
    app.dispose();
  });

  it('are scored anew by another model', async () => {
    const app = await makeAppWithDraft();
    app.intents.addPair();
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    app.intents.setSetting('vlm', 'smolvlm-256m');
    await stateWhere(app, ({ pairs }) => pairs[0].scoredBy?.vlm === 'smolvlm-256m', 'scores by the other model');
    expect(app.engine.callsOf('load')).to.deep.equal([
      { vlm: 'toybox-vlm', clip: 'toybox-clip' },
      { vlm: 'smolvlm-256m', clip: 'toybox-clip' },
    ]);
    await stateWhere(app, ({ candidates }) => candidates.every(({ status }) => status === 'ready'), 'answers too');
    app.dispose();
  });
});

describe('settings', () => {
  it('stay in range', async () => {
    const app = await makeApp();
    app.intents.setSetting('n', 99);
    app.intents.setSetting('temperature', -1);
    app.intents.setSetting('objective', 'no such objective');
    expect(app.store.state.settings).to.include({ n: 16, temperature: 0, objective: 'dpo_sigmoid' });
    app.dispose();
  });

  it('store hyperparameters that differ from the defaults, and refuse impossible ones', async () => {
    const app = await makeApp();
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', 5);
    expect(app.store.state.settings.hyperparameters).to.deep.equal({ dpo_sigmoid: { beta: 5 } });
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', -1);
    expect(lastNotice(app)).to.include('β beta').and.to.include('kept');
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', 0.5);
    expect(app.store.state.settings.hyperparameters).to.deep.equal({});
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', 0.2);
    app.intents.resetHyperparameters('dpo_sigmoid');
    expect(app.store.state.settings.hyperparameters).to.deep.equal({});
    app.dispose();
  });

  it('move to the next image and round to the first', async () => {
    const app = await makeApp();
    await app.intents.addImages([await plainPicture(), await plainPicture([1, 1, 1], 'b.png')]);
    const [first, second] = app.store.state.images;
    app.intents.next();
    expect(app.store.state.selectedImage).to.equal(second.id);
    app.intents.next();
    expect(app.store.state.selectedImage).to.equal(first.id);
    app.dispose();
  });
});
