import { expect } from '@esm-bundle/chai';
import type { RunRecord } from '../../src/state/state.ts';
import { stepToForget } from '../../src/state/training/checkpoints.ts';
import { DEFAULT_TRAINING, validTraining, withTraining } from '../../src/state/training/settings.ts';
import { makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';

const MENTIONED = 'a cat a dog a ball an apple a tree a car';
const SCENES = 4;

/** An app with one pair, and answers that are good only while the policy has taken the steps given. */
async function makeApp(steps: number, good: (step: number) => boolean): Promise<TestApp> {
  const app = await makeAppWithDraft();
  app.intents.addPair();
  await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
  app.intents.setTraining({
    max_steps: steps,
    eval_scenes: SCENES,
    eval_pope_scenes: 0,
    kl_answers: 0,
    early_stopping: true,
    eval_steps: 2,
  });
  const { sampleBatch } = app.engine;
  app.engine.sampleBatch = async function* (request, options) {
    const step = request.model === 'reference' ? 0 : ((await app.engine.adapter.facts())?.step ?? 0);
    app.engine.answers = [good(step) ? MENTIONED : 'nothing'];
    yield* sampleBatch.call(app.engine, request, options);
  };
  return app;
}

const runOf = (app: TestApp): RunRecord => app.training.run!;

describe('early stopping', () => {
  it('switched on without a rhythm, brings one along; later it is not left without', () => {
    const on = withTraining(DEFAULT_TRAINING, { early_stopping: true });
    expect(on.eval_steps).to.equal(10);
    expect(withTraining({ ...DEFAULT_TRAINING, eval_steps: 3 }, { early_stopping: true }).eval_steps).to.equal(3);
    const sentence = /early_stopping goes by held-out pictures .* eval_steps is 0\. Set it to 1 or more, or switch/;
    expect(() => withTraining(on, { eval_steps: 0 })).to.throw(sentence);
    expect(() => withTraining(DEFAULT_TRAINING, { early_stopping: true, eval_steps: 0 })).to.throw(sentence);
    expect(() => withTraining(on, { eval_scenes: 0 })).to.throw(/eval_scenes is 0/);
    expect(withTraining(on, { early_stopping: false, eval_steps: 0 }).eval_steps).to.equal(0);
    expect(validTraining({ early_stopping: 'true' }, 'simpo'), 'of an older link').to.include({
      early_stopping: true,
      eval_steps: 10,
    });
    expect(validTraining({ eval_scenes: 0, early_stopping: true }, 'simpo').early_stopping).to.equal(false);
  });

  it('brings the best step back, also where checkpoints have been thinned since', async () => {
    const app = await makeApp(60, (step) => step === 2);
    app.intents.setTraining({ early_stopping: false });
    await app.intents.train({ steps: 58 });
    expect(runOf(app).heldOut.map(({ step }) => step)).to.include.members([0, 2, 56]);
    expect(runOf(app).checkpoints, 'thinned').to.have.length.below(15);
    expect(runOf(app).checkpoints, 'the best step is pinned').to.include(2);
    app.intents.setTraining({ early_stopping: true });
    await app.intents.train();
    expect(runOf(app), 'by the examination that step 58 was owed').to.include({ status: 'stopped', step: 58 });
    expect(runOf(app).message).to.match(
      /^Stopped early at step 58: held-out F1 fell from .* The adapter of step 2 is at work\.$/,
    );
    expect(app.store.state.adapter?.step).to.equal(2);
    expect((await app.engine.adapter.facts())?.step).to.equal(2);
    app.dispose();
  });

  it('says so where the best step’s checkpoint is gone', async () => {
    const app = await makeApp(6, (step) => step === 2);
    app.engine.before = async (method) => {
      const { run } = app.training;
      if (method === 'sampleBatch' && run && run.step >= 4) await app.backend.runs.remove(`${run.id}/step-2`);
    };
    await app.intents.train();
    expect(runOf(app).message).to.contain(
      'The checkpoint of step 2, the best one, is gone from this browser, so the adapter of step 4 stays at work.',
    );
    expect(app.store.state.adapter?.step).to.equal(4);
    app.dispose();
  });
});

describe('stepToForget', () => {
  it('never takes the pinned step', () => {
    expect(stepToForget([10, 20, 25, 30])).to.equal(25);
    expect(stepToForget([10, 20, 25, 30], 25)).to.not.equal(25);
    expect(stepToForget([2, 4, 6], 2)).to.equal(4);
  });
});
