import { expect } from '@esm-bundle/chai';
import { createConsole } from '../../src/console.ts';
import type { TrainRequest } from '../../src/engine/engine.ts';
import { EngineError, InputError } from '../../src/errors.ts';
import { bestPoint } from '../../src/state/training/judge.ts';
import { runNames } from '../../src/state/training/names.ts';
import { intendedRun, runToContinue } from '../../src/state/training/run.ts';
import { makeApp, stateWhere, type TestApp } from '../support/app.ts';
import { beforeStep, lossesOf, makeTrainable, notices, runOf } from '../support/trainable.ts';

const textOf = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes);
/** Text of the file that each call to train got, and the step of its checkpoint. */
const begun = (app: TestApp) =>
  (app.engine.callsOf('train') as TrainRequest[]).map(({ adapter, resume }) => textOf(adapter) ?? resume?.step);
const imported = async (app: TestApp): Promise<string[]> =>
  (await app.backend.runs.keys()).filter((name) => name.startsWith('imported'));
const namesOf = (app: TestApp): string[] => runNames(app.store.state.training.runs);

/** An app with an imported adapter at work. */
async function makeImported(text = 'values', name = 'bird.zip'): Promise<TestApp> {
  const app = await makeTrainable();
  await app.intents.importAdapter(new File([text], name));
  return app;
}

describe('training that goes on from an imported adapter', () => {
  it('gives the engine its file at the first step alone, and remembers where the run came from', async () => {
    const app = await makeImported();
    const { adapter } = app.store.state;
    await app.intents.train({ steps: 2 });
    await app.intents.train();
    expect(begun(app)).to.deep.equal(['values', 2]);
    const { lora, key } = runOf(app).from!;
    expect(key).to.equal(adapter!.key);
    expect(lora).to.deep.equal({ r: 8, lora_alpha: 16, target_modules: ['q_proj', 'v_proj'] });
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect(app.store.state.adapter).to.deep.equal({ key: `${runOf(app).id}@6`, run: runOf(app).id, step: 6 });
    expect(notices(app)).not.to.contain('fresh');
    app.dispose();
  });

  it('takes the adapter’s shape from the file: the page’s rank makes no other run of it', async () => {
    const app = await makeImported();
    await app.intents.train({ steps: 2 });
    app.intents.setTraining({ r: 4, lora_alpha: 1, target_modules: ['o_proj'] });
    await app.intents.train();
    expect(app.store.state.training.runs).to.have.length(1);
    expect(runOf(app).settings).to.include({ r: 8, lora_alpha: 16 });
    app.intents.setTraining({ lora_dropout: 0.1 });
    await app.intents.train();
    expect(app.store.state.training.runs).to.have.length(2);
    const [, , last] = app.engine.callsOf('train') as TrainRequest[];
    expect(last.lora).to.deep.equal({ r: 8, lora_alpha: 16, lora_dropout: 0.1, target_modules: ['q_proj', 'v_proj'] });
    app.dispose();
  });

  it('starts anew from the same file until Reset, then afresh; names tell the runs apart', async () => {
    const app = await makeImported();
    await app.intents.train();
    const losses = lossesOf(app);
    await app.intents.train();
    expect(lossesOf(app), 'the same start').to.deep.equal(losses);
    expect(namesOf(app)).to.deep.equal(['DPO', 'DPO']);
    await app.intents.resetTraining();
    expect(app.store.state.adapter).to.equal(null);
    app.intents.setTraining({ r: 8, lora_alpha: 16, target_modules: ['q_proj', 'v_proj'] });
    await app.intents.train();
    expect(begun(app)).to.deep.equal(['values', 'values', undefined]);
    expect(lossesOf(app)).not.to.deep.equal(losses);
    expect(runOf(app).from).to.equal(undefined);
    expect(namesOf(app)).to.deep.equal(['DPO, from bird.zip', 'DPO, from bird.zip', 'DPO']);
    app.dispose();
  });

  it('is not continued from another file; files of one name get letters, bytes without a name are called what they are', async () => {
    const app = await makeImported();
    await app.intents.train({ steps: 2 });
    const { state } = app.store;
    const { from, ...fresh } = intendedRun(state);
    expect(runToContinue(state, { ...fresh, from })).to.equal(runOf(app));
    expect(runToContinue(state, { ...fresh, from: { ...from!, key: 'imported-other' } })).to.equal(undefined);
    expect(runToContinue(state, fresh)).to.equal(undefined);
    await app.intents.importAdapter(new File(['other values'], 'bird.zip'));
    await app.intents.train({ steps: 2 });
    await createConsole(app).adapter.import(new TextEncoder().encode('bytes'));
    await app.intents.train({ steps: 2 });
    expect(begun(app)).to.deep.equal(['values', 'other values', 'bytes']);
    expect(namesOf(app)).to.deep.equal([
      'DPO, from bird.zip (file A)',
      'DPO, from bird.zip (file B)',
      'DPO, from imported adapter',
    ]);
    app.dispose();
  });

  it('goes back to the imported adapter at step 0, and from there repeats the same losses', async () => {
    const app = await makeImported();
    const { adapter } = app.store.state;
    await app.intents.train({ steps: 2 });
    await app.intents.train();
    const losses = lossesOf(app);
    await app.intents.rewindTraining(0);
    expect(app.store.state.adapter).to.deep.equal(adapter);
    expect(await app.engine.adapter.facts()).to.include({ origin: 'imported' });
    await app.intents.train();
    expect(begun(app)).to.deep.equal(['values', 2, 'values']);
    expect(app.store.state.training.runs).to.have.length(1);
    expect(lossesOf(app)).to.deep.equal(losses);
    app.dispose();
  });

  it('resumes after a reload, and can still go back to the file', async () => {
    const first = await makeImported();
    await first.intents.train();
    const losses = lossesOf(first);
    await first.intents.rewindTraining(0);
    await first.intents.train({ steps: 2 });
    await first.flush();
    first.dispose();
    const app = await makeApp({ backend: first.backend });
    await app.intents.train();
    expect(begun(app)).to.deep.equal([2]);
    expect(lossesOf(app)).to.deep.equal(losses);
    await app.intents.rewindTraining(0);
    expect(await app.engine.adapter.facts()).to.include({ origin: 'imported' });
    await app.flush();
    app.dispose();
    const later = await makeApp({ backend: app.backend });
    expect(await later.engine.adapter.facts(), 'after another reload').to.include({ origin: 'imported' });
    await later.intents.train();
    expect(begun(later)).to.deep.equal(['values']);
    expect(lossesOf(later)).to.deep.equal(losses);
    later.dispose();
  });

  it('keeps the file as long as a run needs it', async () => {
    const app = await makeImported();
    await app.intents.train();
    const one = await imported(app);
    expect(one).to.have.length(1);
    await app.intents.importAdapter(new File(['other'], 'other.zip'));
    expect(await imported(app), 'the run’s and the one at work').to.have.length(2);
    await app.intents.forgetRun(app.store.state.training.runs[0].id);
    expect(await imported(app))
      .to.have.length(1)
      .and.not.to.include(one[0]);
    await app.intents.importAdapter(new File(['other'], 'other.zip'));
    expect(await imported(app), 'the same file again').to.have.length(1);
    await app.intents.resetTraining();
    expect(await imported(app)).to.deep.equal([]);
    app.dispose();
  });

  it('says so when the browser has lost the file, before Train and when it is pressed; checkpoints still go on', async () => {
    const app = await makeImported();
    await app.intents.train({ steps: 2 });
    await app.flush();
    app.dispose();
    for (const name of await imported(app)) await app.backend.runs.remove(name);
    const later = await makeApp({ backend: app.backend });
    await later.intents.rewindTraining(0);
    expect(notices(later)).to.contain('The file of the imported adapter (bird.zip) is gone from this browser.');
    expect(runOf(later), 'nothing is lost by trying').to.include({ step: 2, status: 'paused' });
    await later.intents.train();
    expect(runOf(later)).to.include({ step: 6, status: 'finished' });
    const why = () => later.forecast.whyNot(later.store.state);
    await new Promise<void>((resolve) => {
      const stop = later.forecast.subscribe(() => {
        if (!why()) return;
        stop();
        resolve();
      });
    });
    expect(why()).to.contain('Import it again, or press Reset');
    const error = await later.training.train().catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(InputError);
    expect(later.store.state.training.runs, 'a run that took no step leaves no trace').to.have.length(1);
    await later.intents.resetTraining();
    await later.intents.train();
    expect(begun(later)).to.deep.equal([2, undefined]);
    later.dispose();
  });

  it('tries again from the file after a run that kept no step', async () => {
    const app = await makeImported();
    const { adapter } = app.store.state;
    beforeStep(app, (step) => {
      if (step === 2) throw new EngineError('After step 1 the loss is NaN.', 'learning_rate');
    });
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'failed', step: 0 });
    expect(app.store.state.adapter).to.deep.equal(adapter);
    app.engine.before = () => {};
    await app.intents.train();
    expect(begun(app)).to.deep.equal(['values', 'values']);
    expect(app.store.state.training.runs).to.have.length(1);
    app.dispose();
  });

  it('is planned with the file before Train is pressed', async () => {
    const app = await makeImported();
    const plans = () => app.engine.callsOf('plan') as TrainRequest[];
    await new Promise<void>((resolve) => {
      const stop = app.forecast.subscribe(() => {
        if (textOf(plans().at(-1)?.adapter) !== 'values') return;
        stop();
        resolve();
      });
    });
    expect(plans().at(-1)!.lora).to.include({ r: 8 });
    await app.intents.resetTraining();
    await stateWhere(app, ({ adapter }) => adapter === null, 'no adapter');
    await new Promise<void>((resolve) => {
      const stop = app.forecast.subscribe(() => {
        if (plans().at(-1)?.adapter) return;
        stop();
        resolve();
      });
    });
    expect(plans().at(-1)!.lora).to.include({ r: 16 });
    app.dispose();
  });

  it('goes the same way from the console', async () => {
    const app = await makeTrainable();
    const margin = createConsole(app);
    await margin.adapter.import(new TextEncoder().encode('values'));
    const losses: number[] = [];
    for await (const { loss } of margin.train({ r: 2 })) losses.push(loss);
    expect(begun(app)).to.deep.equal(['values']);
    expect(runOf(app).settings.r).to.equal(8);
    const page = await makeImported();
    await page.intents.train();
    expect(lossesOf(page)).to.deep.equal(losses);
    page.dispose();
    app.dispose();
  });

  it('never takes the model without an adapter for its best step', async () => {
    const app = await makeImported();
    app.intents.setTraining({
      eval_scenes: 4,
      eval_pope_scenes: 0,
      kl_answers: 0,
      eval_steps: 2,
      early_stopping: true,
    });
    const { sampleBatch } = app.engine;
    app.engine.sampleBatch = async function* (request, options) {
      const step = (await app.engine.adapter.facts())?.step ?? 0;
      const good = request.model === 'reference' || step === 2;
      app.engine.answers = [good ? 'a cat a dog a ball an apple a tree a car' : 'nothing'];
      yield* sampleBatch.call(app.engine, request, options);
    };
    await app.intents.train();
    const run = runOf(app);
    expect(run).to.include({ status: 'stopped', step: 4 });
    expect(run.heldOut.map(({ step }) => step)).to.deep.equal([0, 2, 4]);
    expect(run.heldOut[0].f1).to.equal(run.heldOut[1].f1);
    expect(bestPoint(run)!.step, 'the first of equals').to.equal(2);
    expect(bestPoint({ heldOut: run.heldOut })!.step, 'of a fresh run').to.equal(0);
    expect(app.store.state.adapter).to.include({ run: run.id, step: 2 });
    app.dispose();
  });
});
