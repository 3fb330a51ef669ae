import { expect } from '@esm-bundle/chai';
import type { TrainRequest } from '../../src/engine/engine.ts';
import type { Foretold } from '../../src/state/training/forecast.ts';
import { makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { FAKE_BYTES } from '../support/fake-training.ts';
import { fakeTimers, heard, turns, until } from '../support/until.ts';

/** An app with one scored pair. */
async function makeTrainable(): Promise<TestApp> {
  const app = await makeAppWithDraft();
  app.intents.addPair();
  app.intents.setTraining({ per_device_train_batch_size: 4 });
  await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
  return app;
}

/** Settles when the forecast satisfies the condition. */
function foretold(app: TestApp, condition: (now: Foretold | null) => boolean, what: string): Promise<void> {
  return heard(app.forecast, () => condition(app.forecast.now), what);
}

const bytes = (now: Foretold | null): number => (now?.kind === 'fits' ? now.trainingBytes : 0);

describe('the forecast of a run', () => {
  it('is there before Train is pressed, and is what the run then takes', async () => {
    const app = await makeTrainable();
    await foretold(app, (now) => now?.kind === 'fits', 'a forecast');
    const { per_device_train_batch_size: batch, r } = app.store.state.settings.training;
    expect(app.forecast.now).to.include({ trainingBytes: FAKE_BYTES * batch * r, parameters: 1024 });
    const before = app.forecast.now;
    app.intents.setTraining({ eval_scenes: 0, kl_answers: 0 });
    await app.intents.train();
    const { trainingBytes, parameters, steps } = app.training.run!;
    expect({ kind: 'fits', trainingBytes, parameters, steps }).to.deep.equal(before);
    app.dispose();
  });

  it('follows batch, accumulation, rank, objective and pairs, and asks once for several changes', async () => {
    const app = await makeTrainable();
    await foretold(app, (now) => now?.kind === 'fits', 'a forecast');
    const plans = () => app.engine.callsOf('plan') as TrainRequest[];
    const first = plans().length;
    const small = bytes(app.forecast.now);
    for (const r of [20, 24, 32]) app.intents.setTraining({ r });
    await foretold(app, (now) => bytes(now) === 2 * small, 'twice the rank');
    expect(plans()).to.have.length(first + 1);
    app.intents.setTraining({ per_device_train_batch_size: 8, gradient_accumulation_steps: 2 });
    await foretold(app, (now) => bytes(now) === 4 * small, 'twice the batch');
    expect(plans().at(-1)!.config).to.include({ gradient_accumulation_steps: 2 });
    app.intents.setSetting('objective', 'simpo');
    await foretold(app, () => plans().at(-1)!.objective === 'simpo', 'the other objective');
    app.intents.editPair(app.store.state.pairs[0].id, { chosen: 'Another cat.' });
    await foretold(app, () => plans().at(-1)!.pairs[0].chosen === 'Another cat.', 'the edited pair');
    app.dispose();
  });

  it('asks nothing anew for what a run does not depend on, and nothing while one is under way', async () => {
    const app = await makeTrainable();
    await foretold(app, (now) => now?.kind === 'fits', 'a forecast');
    const before = app.engine.callsOf('plan').length;
    const timers = fakeTimers();
    app.intents.setTraining({ kl_answers: 0, eval_scenes: 0 });
    app.intents.setSetting('n', 2);
    await app.intents.train();
    timers.advance(10_000);
    timers.restore();
    await turns();
    expect(app.engine.callsOf('plan')).to.have.length(before);
    app.dispose();
  });

  it('says why a run would be refused, with the pair’s number on the page, until that is mended', async () => {
    const app = await makeTrainable();
    app.engine.training.limit = FAKE_BYTES * 4 * 16;
    app.intents.setTraining({ r: 64 });
    await foretold(app, (now) => now?.kind === 'refused', 'the refusal');
    expect(app.forecast.whyNot(app.store.state)).to.match(/^A step needs 262144 bytes, and this GPU allows 65536/);
    app.intents.setTraining({ r: 16 });
    await foretold(app, (now) => now === null, 'the old refusal gone');
    expect(app.forecast.whyNot(app.store.state)).to.equal(null);
    await foretold(app, (now) => now?.kind === 'fits', 'the new forecast');
    app.intents.deletePair(app.store.state.pairs[0].id);
    await foretold(app, (now) => now === null, 'nothing to start');
    expect(app.forecast.whyNot(app.store.state)).to.contain('no pairs to learn from yet');
    app.dispose();
  });

  it('keeps quiet where the engine itself fails', async () => {
    const app = await makeTrainable();
    app.engine.before = (method) => {
      if (method === 'plan') throw new Error('the worker went away');
    };
    const before = app.engine.callsOf('plan').length;
    app.intents.setTraining({ r: 4 });
    await until(() => app.engine.callsOf('plan').length > before, 'the engine was asked');
    await turns();
    expect(app.forecast.now?.kind).to.not.equal('refused');
    expect(app.store.state.notices.filter(({ action }) => action !== 'photo models')).to.deep.equal([]);
    app.dispose();
  });
});
