import { expect } from '@esm-bundle/chai';
import { createConsole } from '../../src/console.ts';
import type { TrainRequest } from '../../src/engine/engine.ts';
import { EngineError, InputError } from '../../src/errors.ts';
import { makeApp, stateWhere } from '../support/app.ts';
import { beforeStep, lossesOf, makeTrainable, notices, runOf } from '../support/trainable.ts';

describe('training', () => {
  it('runs to the end, logs every step, and rescores the pairs with the new adapter', async () => {
    const app = await makeTrainable();
    await app.intents.train();
    const run = runOf(app);
    expect(run).to.include({ status: 'finished', step: 6, steps: 6, ordinal: 1 });
    expect(app.training.log(run.id).length).to.equal(6);
    expect(app.store.state.adapter).to.deep.equal({ key: `${run.id}@6`, run: run.id, step: 6 });
    await stateWhere(
      app,
      ({ pairs }) => pairs[0].scoredBy?.adapter === `${run.id}@6`,
      'the pair scored by the adapter',
    );
    const [request] = app.engine.callsOf('train') as TrainRequest[];
    expect(request.objective).to.equal('dpo_sigmoid');
    expect(request.hyperparameters).to.have.property('beta');
    expect(request.config).to.include({ max_steps: 6 });
    expect(request.pairs).to.have.length(1);
    app.dispose();
  });

  it('samples answers to the pairs’ prompts, or to all pictures, and keeps what was tried last', async () => {
    const app = await makeTrainable();
    const steps = createConsole(app).train({
      objective: 'grpo',
      config: { num_generations: 4 },
      max_steps: 2,
      reward: { truth: 1, clip: 2 },
    });
    for await (const metrics of steps) expect(metrics.reward).to.be.closeTo(0.1 * (metrics.step - 1), 1e-9);
    const [request] = app.engine.callsOf('train') as TrainRequest[];
    expect(request.reward).to.deep.equal({ truth: 1, clip: 2 });
    expect(request.config).to.include({ num_generations: 4, max_steps: 2 });
    expect(request.pairs).to.deep.equal([]);
    const [{ prompt, imageId }] = app.store.state.pairs;
    expect(request.prompts!.map(({ image, prompt }) => [image.id, prompt])).to.deep.equal([[imageId, prompt]]);
    const run = runOf(app);
    expect(run).to.include({ status: 'finished', pairs: 1 });
    expect(app.training.log(run.id).last('reward')).to.be.closeTo(0.1, 1e-9);
    expect(app.training.log(run.id).last('rewards/margins')).to.deep.equal(Number.NaN);
    const { prompt: asked, answers } = app.training.tried(run.id)!;
    expect([asked.prompt, answers[1].text]).to.deep.equal([prompt, 'A cat and an apple.']);

    app.intents.deletePair(app.store.state.pairs[0].id);
    app.intents.setSetting('objective', 'rloo');
    app.intents.setTraining({ reward: 'truth', max_steps: 1 });
    await app.intents.train();
    const { prompts, reward } = app.engine.callsOf('train').at(-1) as TrainRequest;
    expect(reward).to.equal('truth');
    expect(prompts!.map(({ image }) => image.id)).to.deep.equal(app.store.state.images.map(({ id }) => id));
    app.intents.setTraining({ reward: 'beauty' as 'clip' });
    expect(notices(app)).to.contain('reward is "beauty"; it must be one of clip, truth. The old value was kept.');
    app.dispose();
  });

  it('says what is missing', async () => {
    const app = await makeApp();
    await app.intents.train();
    expect(notices(app)).to.contain('no pairs to learn from yet');
    expect(app.store.state.training.runs).to.deep.equal([]);
    app.dispose();
  });

  it('pauses after a whole step and continues the same run', async () => {
    const app = await makeTrainable();
    beforeStep(app, (step) => {
      if (step === 3) app.intents.pauseTraining();
    });
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'paused', step: 2 });
    expect(app.store.state.training.phase).to.equal('idle');
    app.engine.before = () => {};
    await app.intents.train();
    expect(app.store.state.training.runs).to.have.length(1);
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect((app.engine.callsOf('train')[1] as TrainRequest).resume?.step).to.equal(2);
    expect([...app.training.log(runOf(app).id).column('step')]).to.deep.equal([1, 2, 3, 4, 5, 6]);
    app.dispose();
  });

  it('takes single steps', async () => {
    const app = await makeTrainable();
    await app.intents.trainStep();
    expect(runOf(app)).to.include({ status: 'paused', step: 1 });
    await app.intents.trainStep();
    expect(runOf(app)).to.include({ status: 'paused', step: 2 });
    app.dispose();
  });

  it('starts a new run, beside the old one, when something that matters has changed', async () => {
    const app = await makeTrainable();
    await app.intents.trainStep();
    app.intents.setTraining({ eval_steps: 3 });
    await app.intents.trainStep();
    expect(app.store.state.training.runs, 'examinations change nothing that is learnt').to.have.length(1);
    app.intents.setTraining({ learning_rate: 1e-3 });
    await app.intents.train();
    const { runs } = app.store.state.training;
    expect(runs.map(({ step }) => step)).to.deep.equal([2, 6]);
    expect(runOf(app).settings.learning_rate).to.equal(1e-3);
    app.dispose();
  });

  it('rewinds to a checkpoint and repeats what followed', async () => {
    const app = await makeTrainable();
    await app.intents.train({ steps: 2 });
    await app.intents.train();
    const losses = lossesOf(app);
    expect(runOf(app).checkpoints).to.include(2);
    await app.intents.rewindTraining(2);
    expect(runOf(app)).to.include({ status: 'paused', step: 2 });
    expect(app.store.state.adapter?.step).to.equal(2);
    expect(lossesOf(app)).to.deep.equal(losses.slice(0, 2));
    await app.intents.train();
    expect(lossesOf(app)).to.deep.equal(losses);
    await app.intents.rewindTraining(0);
    expect(app.store.state.adapter).to.equal(null);
    await app.intents.train();
    expect(lossesOf(app)).to.deep.equal(losses);
    app.dispose();
  });

  it('moves every pair at every step, on the curve and in its track, until it is scored anew', async () => {
    const app = await makeTrainable();
    const [{ id }] = app.store.state.pairs;
    const shown = () => app.evaluation.rows[app.evaluation.ids.indexOf(id)]?.chosenLogRatio;
    // Every step waits for the numbers of the one before.
    beforeStep(app, async (step) => {
      await new Promise<void>((resolve) => {
        const look = () => shown() === Math.max(0, 0.5 * (step - 2)) && resolve();
        app.evaluation.subscribe(look);
        look();
      });
    });
    await app.intents.train();
    const track = app.training.tracks(runOf(app).id).of(id);
    expect(track.map(({ step }) => step)).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(track[5]).to.include({ margin: 0.5, chosenLogRatio: 2.5, rejectedLogRatio: -2.5 });
    const key = `${runOf(app).id}@6`;
    await stateWhere(app, ({ pairs }) => pairs[0].scoredBy?.adapter === key, 'the new scores');
    await new Promise<void>((resolve) => app.evaluation.subscribe(() => shown() === 0 && resolve()));
    expect(app.evaluation.of(id)).to.deep.include({ margin: 0 });
    await app.intents.rewindTraining(0);
    expect(app.training.tracks(runOf(app).id).of(id)).to.deep.equal([]);
    app.dispose();
  });

  it('resets: no adapter, the curves stay', async () => {
    const app = await makeTrainable();
    await app.intents.train();
    await app.intents.resetTraining();
    expect(app.store.state.adapter).to.equal(null);
    expect(app.store.state.training.run).to.equal(null);
    expect(app.store.state.training.runs).to.have.length(1);
    expect(await app.engine.adapter.facts()).to.equal(null);
    await stateWhere(app, ({ pairs }) => pairs[0].scoredBy?.adapter === undefined, 'scores without adapter');
    app.dispose();
  });

  it('keeps eight runs: the files of a ninth’s predecessor go with its first step, not with a start that is refused', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ max_steps: 1 });
    const folders = async () => [...new Set((await app.backend.runs.keys()).map((key) => key.split('/')[0]))].sort();
    const ids = () => app.store.state.training.runs.map(({ id }) => id);
    for (let run = 0; run < 8; run++) await app.intents.train({ fresh: true });
    const first = ids();
    expect(await folders()).to.deep.equal([...first].sort());
    app.engine.before = (method) => {
      if (method === 'train') throw new InputError('Not these pairs.');
    };
    await app.intents.train({ fresh: true });
    expect(ids()).to.deep.equal(first);
    expect(await folders()).to.deep.equal([...first].sort());
    app.engine.before = () => {};
    await app.intents.train({ fresh: true });
    expect(ids().slice(0, 7)).to.deep.equal(first.slice(1));
    expect(await folders()).to.deep.equal(ids().sort());
    expect(app.training.log(first[0]).length).to.equal(0);
    app.dispose();
  });

  it('an evicted run keeps its files while its adapter is at work', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ max_steps: 1 });
    for (let run = 0; run < 8; run++) await app.intents.train({ fresh: true });
    const [{ id: oldest }] = app.store.state.training.runs;
    app.store.update((state) => ({ ...state, adapter: { key: `${oldest}@1`, run: oldest, step: 1 } }));
    app.engine.before = (method) => {
      if (method === 'train' && app.training.log(runOf(app).id).length > 0)
        throw new EngineError('After step 1 the loss is NaN.', 'learning_rate');
    };
    app.intents.setTraining({ max_steps: 2 });
    await app.intents.train({ fresh: true });
    expect(runOf(app)).to.include({ status: 'failed', step: 0 });
    expect(app.store.state.training.runs.map(({ id }) => id)).to.not.include(oldest);
    expect(app.store.state.adapter).to.include({ run: oldest, step: 1 });
    expect(await app.engine.adapter.facts()).to.include({ step: 1, origin: 'trained' });
    app.engine.before = () => {};
    await app.intents.train();
    expect((await app.backend.runs.keys()).filter((key) => key.startsWith(oldest))).to.deep.equal([]);
    app.dispose();
  });

  it('refuses to sample meanwhile, with a sentence', async () => {
    const app = await makeTrainable();
    beforeStep(app, async (step) => {
      if (step !== 2) return;
      await app.intents.sample();
    });
    await app.intents.train();
    expect(notices(app)).to.contain('Pause the training to sample');
    app.dispose();
  });
});
