import { expect } from '@esm-bundle/chai';
import type { RunRecord } from '../../src/state/state.ts';
import { runNames } from '../../src/state/training/names.ts';
import { intendedRun } from '../../src/state/training/run.ts';
import { makeApp, plainPicture, type TestApp } from '../support/app.ts';

/** An app with two scored pairs and short runs. */
async function makeTrainable(): Promise<TestApp> {
  const app = await makeApp();
  await app.intents.addImages([await plainPicture()]);
  const [{ id: imageId }] = app.store.state.images;
  for (const noun of ['cat', 'dog']) {
    app.intents.addPairOf({ imageId, prompt: 'What is there?', chosen: `A ${noun}.`, rejected: `No ${noun}.` });
  }
  app.intents.setTraining({ max_steps: 1, eval_scenes: 0, kl_answers: 0 });
  return app;
}

const runs = (app: TestApp): readonly RunRecord[] => app.store.state.training.runs;
const names = (app: TestApp): string[] => runNames(runs(app));

describe('names of runs', () => {
  it('tell other pairs apart, also where they are as many', async () => {
    const app = await makeTrainable();
    await app.intents.train();
    app.intents.editPair(app.store.state.pairs[0].id, { chosen: 'A grey cat.' });
    await app.intents.train();
    expect(names(app)).to.deep.equal(['DPO, 2 pairs (set A)', 'DPO, 2 pairs (set B)']);
    app.intents.deletePair(app.store.state.pairs[1].id);
    await app.intents.train();
    expect(names(app)).to.deep.equal(['DPO, 2 pairs (set A)', 'DPO, 2 pairs (set B)', 'DPO, 1 pair']);
    app.dispose();
  });

  it('do not call the same pairs other ones because another objective looks at their scores', async () => {
    const app = await makeTrainable();
    for (const { id } of app.store.state.pairs) app.intents.setPairScores(id, { chosen: 30, rejected: 20 });
    await app.intents.train();
    app.intents.setSetting('objective', 'odpo');
    await app.intents.train();
    const [dpo, odpo] = runs(app);
    expect(odpo.pairsKey).not.to.equal(dpo.pairsKey);
    expect(odpo.textsKey).to.equal(dpo.textsKey);
    expect(names(app).join()).not.to.contain('(set');
    app.intents.setPairScores(app.store.state.pairs[0].id, { chosen: 40, rejected: 20 });
    await app.intents.train();
    expect(names(app).map((name) => name.match(/scores [AB]/)?.[0])).to.deep.equal([undefined, 'scores A', 'scores B']);
    app.dispose();
  });

  it('tell models apart', async () => {
    const app = await makeTrainable();
    await app.intents.train();
    const [run] = runs(app);
    expect(runNames([run, { ...run, vlm: 'other-vlm' }])).to.deep.equal(['DPO, toybox-vlm', 'DPO, other-vlm']);
    expect(intendedRun(app.store.state).textsKey).to.equal(run.textsKey);
    app.dispose();
  });

  it('of older versions go by what they have', async () => {
    const app = await makeTrainable();
    await app.intents.train();
    const { textsKey: _, ...old } = runs(app)[0];
    expect(runNames([old, { ...old, pairsKey: 'other' }])).to.deep.equal([
      'DPO, 2 pairs (set A)',
      'DPO, 2 pairs (set B)',
    ]);
    app.dispose();
  });
});
