import { expect } from '@esm-bundle/chai';
import type { SampleBatchRequest } from '../../src/engine/engine.ts';
import { OutOfMemoryError } from '../../src/errors.ts';
import type { RunRecord } from '../../src/state/state.ts';
import { makeApp, makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';

const SCENES = 3;

/** An app with one pair whose runs are examined on a few scenes; its calls so far are forgotten. */
async function makeExamined(): Promise<TestApp> {
  const app = await makeAppWithDraft();
  app.intents.addPair();
  await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
  app.intents.setTraining({ max_steps: 6, eval_scenes: SCENES, eval_pope_scenes: 0, kl_answers: 0 });
  app.engine.calls = [];
  return app;
}

const runOf = (app: TestApp): RunRecord => app.training.run!;
const stepsOf = (app: TestApp): number[] => runOf(app).heldOut.map(({ step }) => step);
/** Prompts the reference was asked. */
const asked = (app: TestApp): number =>
  (app.engine.callsOf('sampleBatch') as SampleBatchRequest[])
    .filter(({ model }) => model === 'reference')
    .reduce((sum, { prompts }) => sum + prompts.length, 0);

describe('held-out scenes before training', () => {
  it('are described before the first step, so that a run that is paused early has them', async () => {
    const app = await makeExamined();
    let step = 0;
    const phases = new Set<string>();
    const seen: string[] = [];
    app.training.subscribe(() => {
      const { progress } = app.training;
      if (progress?.what) seen.push(`${progress.what} ${progress.done} / ${progress.total}`);
    });
    app.engine.before = (method) => {
      if (method === 'sampleBatch' && step === 0) phases.add(app.store.state.training.phase);
      if (method === 'train' && ++step === 3) app.intents.pauseTraining();
    };
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'paused', step: 2 });
    expect(stepsOf(app)).to.deep.equal([0]);
    expect([...phases]).to.deep.equal(['evaluating']);
    expect(seen).to.include.members([0, 1, 2, 3].map((done) => `Held-out scenes, before training ${done} / ${SCENES}`));
    const methods = app.engine.calls.map(({ method }) => method);
    expect(methods.indexOf('sampleBatch')).to.be.lessThan(methods.indexOf('train'));
    app.dispose();
  });

  it('are asked about once: by the next segment, the last examination, the next run and after a reload', async () => {
    const app = await makeExamined();
    app.intents.setTraining({ eval_steps: 2 });
    await app.intents.train();
    expect(stepsOf(app)).to.deep.equal([0, 2, 4, 6]);
    expect(asked(app)).to.equal(SCENES);
    app.intents.setTraining({ learning_rate: 1e-3 });
    await app.intents.train({ steps: 3 });
    expect(stepsOf(app), 'known, so a single step gets it too').to.deep.equal([0, 2]);
    expect(asked(app)).to.equal(SCENES);
    await app.flush();
    app.dispose();

    const later = await makeApp({ backend: app.backend });
    await later.intents.train();
    expect(stepsOf(later)).to.deep.equal([0, 2, 4, 6]);
    expect(asked(later), 'the run brings its own').to.equal(0);
    later.intents.setTraining({ eval_scenes: SCENES + 1, r: 4 });
    await later.intents.train();
    expect(asked(later), 'other scenes').to.equal(SCENES + 1);
    later.dispose();
  });

  it('do not keep single steps waiting: the reference does not move, and Train makes up for it', async () => {
    const app = await makeExamined();
    await app.intents.trainStep();
    expect(stepsOf(app)).to.deep.equal([]);
    expect(asked(app)).to.equal(0);
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect(stepsOf(app)).to.deep.equal([0, 6]);
    expect(asked(app)).to.equal(SCENES);
    app.dispose();
  });

  it('can be skipped: the run starts, and the last examination makes up for it', async () => {
    const app = await makeExamined();
    let skipped = false;
    app.engine.before = (method) => {
      if (method !== 'sampleBatch' || skipped) return;
      skipped = true;
      app.intents.skipExamination();
    };
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect(stepsOf(app)).to.deep.equal([0, 6]);
    app.dispose();
  });

  it('can be cancelled: nothing was trained, nothing is left behind, and the next try goes on where it can', async () => {
    const app = await makeExamined();
    app.engine.before = (method) => (method === 'sampleBatch' ? app.intents.pauseTraining() : undefined);
    await app.intents.train();
    expect(app.store.state.training).to.deep.include({ runs: [], run: null, phase: 'idle' });
    expect(app.training.progress).to.equal(null);
    expect(app.engine.callsOf('train')).to.deep.equal([]);
    expect(app.store.state.notices.filter(({ action }) => action !== 'photo models')).to.deep.equal([]);
    app.engine.before = () => {};
    await app.intents.train();
    expect(stepsOf(app)).to.deep.equal([0, 6]);
    app.dispose();
  });

  it('wait for no run that is refused', async () => {
    const app = await makeExamined();
    const message = 'A step needs 9 GiB and the device has 2. Lower the batch.';
    app.engine.before = (method) => {
      if (method === 'plan') throw new OutOfMemoryError(message);
    };
    await app.intents.train();
    expect(app.engine.callsOf('sampleBatch')).to.deep.equal([]);
    expect(app.store.state.notices.map((notice) => notice.message).join()).to.contain(message);
    expect(app.store.state.training.runs).to.deep.equal([]);
    app.dispose();
  });

  it('are left out where none are asked for, and of reward models, which give no answers', async () => {
    const app = await makeExamined();
    app.intents.setTraining({ eval_scenes: 0 });
    await app.intents.train();
    app.intents.setSetting('objective', 'bradley_terry');
    app.intents.setTraining({ eval_scenes: SCENES });
    await app.intents.train();
    expect(app.store.state.training.runs.map(({ heldOut }) => heldOut.length)).to.deep.equal([0, 0]);
    expect(asked(app)).to.equal(0);
    app.dispose();
  });
});
