import { expect } from '@esm-bundle/chai';
import type { StepMetrics } from '../../src/engine/engine.ts';
import { makeApp, type TestApp } from '../support/app.ts';
import { makeTrainable, runOf } from '../support/trainable.ts';

/** An app whose runs are examined every two steps, and measured every three. */
async function makeExamined(): Promise<TestApp> {
  const app = await makeTrainable();
  app.intents.setTraining({ eval_scenes: 2, eval_steps: 2, kl_answers: 3, kl_steps: 3 });
  return app;
}

const examined = (app: TestApp): number[] => runOf(app).heldOut.map(({ step }) => step);
const measured = (app: TestApp): number[] => (runOf(app).divergence ?? []).map(({ step }) => step);
/** The calls that look or train, in order. */
const order = (app: TestApp): string =>
  app.engine.calls.flatMap(({ method }) => (/train|sampleBatch|divergence/.test(method) ? [method] : [])).join(' ');

describe('an examination that nobody waited for', () => {
  it('is made up for when Train goes on, before the next step', async () => {
    const app = await makeExamined();
    await app.intents.train({ steps: 2 });
    expect(examined(app)).to.deep.equal([]);
    app.engine.calls = [];
    await app.intents.train();
    expect(examined(app)).to.deep.equal([0, 2, 4, 6]);
    expect(measured(app)).to.deep.equal([3, 6]);
    expect(order(app)).to.match(/^sampleBatch sampleBatch train /);
    app.dispose();
  });

  it('is made up for after a pause in its midst, and only what is missing of it', async () => {
    const app = await makeExamined();
    app.intents.setTraining({ kl_steps: 2 });
    app.engine.before = (method) => (method === 'divergence' ? app.intents.pauseTraining() : undefined);
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'paused', step: 2 });
    expect([examined(app), measured(app)]).to.deep.equal([[0, 2], []]);
    app.engine.before = () => {};
    app.engine.calls = [];
    await app.intents.train();
    expect(order(app)).to.match(/^divergence (divergence )*train /);
    expect([examined(app), measured(app)]).to.deep.equal([
      [0, 2, 4, 6],
      [2, 4, 6],
    ]);
    app.dispose();
  });

  it('does not keep a pause waiting that comes just before it', async () => {
    const app = await makeExamined();
    const onStep = ({ step }: StepMetrics) => (step === 2 ? app.intents.pauseTraining() : undefined);
    await app.intents.train({ onStep });
    expect(runOf(app)).to.include({ status: 'paused', step: 2 });
    expect(examined(app)).to.deep.equal([0]);
    await app.intents.train();
    expect(examined(app)).to.deep.equal([0, 2, 4, 6]);
    app.dispose();
  });

  it('does not keep single steps waiting: what one of them has passed is left out', async () => {
    const app = await makeExamined();
    for (let step = 0; step < 3; step++) await app.intents.trainStep();
    app.engine.calls = [];
    await app.intents.trainStep();
    expect(order(app)).to.equal('train');
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect(examined(app)).to.deep.equal([0, 4, 6]);
    expect(measured(app)).to.deep.equal([6]);
    app.dispose();
  });

  it('is of the right adapter after a reload', async () => {
    const app = await makeExamined();
    app.intents.setTraining({ kl_steps: 2 });
    await app.intents.train({ steps: 2 });
    await app.flush();
    app.dispose();
    const later = await makeApp({ backend: app.backend });
    await later.intents.train();
    expect(runOf(later).divergence!.map(({ perToken }) => perToken.toFixed(2))).to.deep.equal(['0.04', '0.08', '0.12']);
    later.dispose();
  });
});
