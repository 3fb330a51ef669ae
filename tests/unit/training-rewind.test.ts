import { expect } from '@esm-bundle/chai';
import type { TrainRequest } from '../../src/engine/engine.ts';
import { makeApp, plainPicture, type TestApp } from '../support/app.ts';

/** An app with five pairs of one picture, which take three steps an epoch. */
async function makeApps(order = [0, 1, 2, 3, 4]): Promise<TestApp> {
  const app = await makeApp();
  await app.intents.addImages([await plainPicture()]);
  const [{ id: imageId }] = app.store.state.images;
  for (const i of order) {
    const pair = { imageId, prompt: `What is at place ${i}?`, chosen: `A cat ${i}.`, rejected: `A dog ${i}.` };
    app.intents.addPairOf(pair);
  }
  app.intents.setTraining({ max_steps: 6, per_device_train_batch_size: 2, eval_scenes: 0, kl_answers: 0 });
  return app;
}

const lossesOf = (app: TestApp): number[] => [...app.training.log(app.training.run!.id).column('loss')];

async function trained(app: TestApp): Promise<number[]> {
  await app.intents.train();
  return lossesOf(app);
}

describe('rewinding', () => {
  it('repeats the same losses from any checkpoint, and from the start', async () => {
    const app = await makeApps();
    await app.intents.train({ steps: 2 });
    await app.intents.train({ steps: 2 });
    const losses = await trained(app);
    expect(new Set(losses).size).to.equal(6);
    for (const step of [4, 2, 0]) {
      await app.intents.rewindTraining(step);
      expect(await trained(app), `from step ${step}`).to.deep.equal(losses);
    }
    expect(app.store.state.training.runs).to.have.length(1);
    const resumed = (app.engine.callsOf('train') as TrainRequest[]).map(({ resume }) => resume?.step);
    expect(resumed).to.deep.equal([undefined, 2, 4, 4, 2, undefined]);
    app.dispose();
  });

  it('would give itself away with another seed, other pairs or another order', async () => {
    const app = await makeApps();
    const losses = await trained(app);
    app.intents.setTraining({ seed: 43 });
    const otherSeed = await trained(app);
    expect(otherSeed).not.to.deep.equal(losses);
    expect(app.store.state.training.runs).to.have.length(2);
    app.intents.setTraining({ seed: 42 });
    await app.intents.train({ fresh: true });
    expect(lossesOf(app), 'the first seed again').to.deep.equal(losses);
    app.dispose();

    const turned = await makeApps([4, 3, 2, 1, 0]);
    expect(await trained(turned)).not.to.deep.equal(losses);
    turned.dispose();

    const edited = await makeApps();
    edited.intents.editPair(edited.store.state.pairs[0].id, { chosen: 'A bird.' });
    expect(await trained(edited)).not.to.deep.equal(losses);
    edited.dispose();
  });

  it('is the same whatever is looked at meanwhile', async () => {
    const app = await makeApps();
    const losses = await trained(app);
    await app.intents.rewindTraining(0);
    await app.intents.train({ steps: 3 });
    app.intents.setTraining({ kl_steps: 2 });
    expect(await trained(app), 'what is looked at changes nothing').to.deep.equal(losses);
    app.dispose();
  });
});
