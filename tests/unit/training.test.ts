import { expect } from '@esm-bundle/chai';
import { createConsole } from '../../src/console.ts';
import type { SampleBatchRequest, TrainRequest } from '../../src/engine/engine.ts';
import { DeviceLostError, EngineError, InputError, OutOfMemoryError } from '../../src/errors.ts';
import { evaluateHeldOut } from '../../src/preference/heldout.ts';
import type { RunRecord } from '../../src/state/state.ts';
import { makeApp, makeAppWithDraft, stateWhere, type TestApp, type TestAppOptions } from '../support/app.ts';
import { FakeEngine } from '../support/fake-engine.ts';

/** An app with one scored pair and short runs without examinations. */
async function makeTrainable(options: TestAppOptions = {}): Promise<TestApp> {
  const app = await makeAppWithDraft(options);
  app.intents.addPair();
  app.intents.setTraining({ max_steps: 6, eval_scenes: 0, eval_pope_scenes: 0 });
  await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
  return app;
}

const runOf = (app: TestApp): RunRecord => app.training.run!;
const notices = (app: TestApp): string => app.store.state.notices.map(({ message }) => message).join(' | ');
const lossesOf = (app: TestApp): number[] => [...app.training.log(runOf(app).id).column('loss')];

/** Calls back before each training step, with its number. */
function beforeStep(app: TestApp, act: (step: number) => void | Promise<void>): void {
  let step = 0;
  app.engine.before = (method) => (method === 'train' ? act(++step) : undefined);
}

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
    expect(notices(app)).to.contain('reward is "beauty"; choose clip or truth.');
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

  it('a refused start leaves no run, and says why', async () => {
    const app = await makeTrainable();
    for (const error of [
      new OutOfMemoryError('A step needs 9 GiB and the device has 2. Nothing was changed: lower the batch.'),
      new InputError('Pair 1 lacks the score of the chosen answer (scoreChosen).'),
    ]) {
      app.engine.before = (method) => {
        if (method === 'train') throw error;
      };
      await app.intents.train();
      expect(notices(app)).to.contain(error.message);
      expect(app.store.state.training).to.deep.include({ runs: [], run: null, phase: 'idle' });
    }
    app.dispose();
  });

  it('a step without finite numbers keeps the last good adapter', async () => {
    const app = await makeTrainable();
    beforeStep(app, (step) => {
      if (step === 4) throw new EngineError('Step 4 gave a loss that is not finite.');
    });
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'failed', step: 3 });
    expect(runOf(app).message).to.contain('not finite');
    expect(app.store.state.adapter?.step).to.equal(3);
    expect(await app.intents.exportAdapter()).to.be.instanceOf(Blob);
    app.dispose();
  });

  it('a lost device costs the steps since the checkpoint, and the adapter goes back in', async () => {
    const app = await makeTrainable();
    await app.intents.train({ steps: 2 });
    beforeStep(app, () => {
      throw new DeviceLostError('The GPU device was lost.');
    });
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'paused', step: 2 });
    let restored = 0;
    const { restore } = app.engine.adapter;
    app.engine.adapter.restore = (checkpoint) => {
      restored = checkpoint.step;
      return restore(checkpoint);
    };
    await app.engine.destroyDevice();
    expect(restored).to.equal(2);
    app.engine.before = () => {};
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    app.dispose();
  });

  it('survives a closed tab: metrics, adapter and the place in the run', async () => {
    const first = await makeTrainable();
    await first.intents.train({ steps: 3 });
    await first.flush();
    first.dispose();
    const engine = new FakeEngine();
    const app = await makeApp({ engine, backend: first.backend });
    expect(runOf(app)).to.include({ status: 'paused', step: 3 });
    expect(app.training.log(runOf(app).id).length).to.equal(3);
    expect(app.training.tracks(runOf(app).id).of(app.store.state.pairs[0].id)).to.have.length(3);
    expect((await engine.adapter.facts())?.step, 'the adapter is at work again').to.equal(3);
    await app.intents.train();
    expect(app.store.state.training.runs).to.have.length(1);
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    app.dispose();
  });

  it('full storage is a notice; training goes on', async () => {
    const app = await makeTrainable();
    (app.backend.runs as { put: unknown }).put = async () => {
      throw new DOMException('no room', 'QuotaExceededError');
    };
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect(notices(app)).to.contain('no more room');
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

describe('held-out examinations', () => {
  it('grade greedy descriptions', async () => {
    const engine = new FakeEngine();
    engine.answers = ['There is a unicorn.'];
    const seen: number[] = [];
    const { answers, chairI, cover } = await evaluateHeldOut(engine, {
      scenes: 3,
      model: 'policy',
      picture: async () => ({ id: 'x', blob: new Blob() }),
      onProgress: (done) => seen.push(done),
    });
    expect(answers).to.have.length(3);
    expect({ chairI, cover }).to.deep.equal({ chairI: 0, cover: 0 });
    expect(seen).to.deep.equal([0, 1, 2, 3]);
  });

  it('keep the order of the scenes, whichever answer ends first', async () => {
    const engine = new FakeEngine();
    const { sampleBatch } = engine;
    engine.sampleBatch = async function* (request, options) {
      for await (const { prompt, candidate } of sampleBatch.call(engine, request, options)) {
        yield { prompt, candidate: { ...candidate, text: request.prompts[prompt].image.id } };
      }
    };
    const made: string[] = [];
    const picture = async () => {
      made.push(`scene ${made.length}`);
      return { id: made.at(-1)!, blob: new Blob() };
    };
    const controller = new AbortController();
    const options = { scenes: 3, model: 'policy', picture, signal: controller.signal } as const;
    expect((await evaluateHeldOut(engine, options)).answers).to.deep.equal(made);
    engine.before = () => controller.abort();
    const error = await evaluateHeldOut(engine, options).catch((caught) => caught);
    expect(error.name).to.equal('CancelledError');
  });

  it('ask about the first scenes: POPE, a question that several settings share only once', async () => {
    const engine = new FakeEngine();
    engine.answers = ['No, there is not.'];
    const options = { scenes: 3, model: 'policy', picture: async () => ({ id: 'x', blob: new Blob() }) } as const;
    const { pope } = await evaluateHeldOut(engine, { ...options, popeScenes: 2 });
    const batches = engine.callsOf('sampleBatch') as SampleBatchRequest[];
    expect(batches.map(({ maxTokens }) => maxTokens)).to.deep.equal([64, 16]);
    const asked = batches.flatMap(({ prompts }) => prompts.map(({ prompt }) => prompt));
    const about = asked.filter((prompt) => /^Is there/.test(prompt));
    expect(asked.length - about.length, 'descriptions').to.equal(3);
    for (const setting of ['random', 'popular', 'adversarial'] as const) {
      const { accuracy, yesShare, questions } = pope![setting];
      expect({ accuracy, yesShare }).to.deep.equal({ accuracy: 0.5, yesShare: 0 });
      expect(questions).to.be.within(4, 12);
      expect(about.length).to.be.within(questions, 3 * questions);
    }
    expect(new Set(about).size).to.be.lessThan(3 * pope!.random.questions);
    expect((await evaluateHeldOut(engine, options)).pope, 'not asked for').to.equal(undefined);
  });

  it('keep POPE’s accuracies beside CHAIR-i, of fewer scenes; by hand every scene is asked about', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_scenes: 2, eval_pope_scenes: 1 });
    app.engine.answers = ['No.'];
    await app.intents.train();
    const half = { random: 0.5, popular: 0.5, adversarial: 0.5 };
    expect(runOf(app).heldOut.map(({ pope }) => pope)).to.deep.equal([
      { scenes: 1, ...half },
      { scenes: 1, ...half },
    ]);
    await app.intents.examine();
    expect(runOf(app).heldOut.map(({ pope }) => pope?.scenes)).to.deep.equal([2, 2]);
    app.dispose();
  });

  it('measure the KL to the reference on the policy’s own samples, in their own rhythm or with the examinations', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ kl_steps: 2, kl_answers: 3 });
    await app.intents.train();
    const points = runOf(app).divergence!;
    expect(points.map(({ step }) => step)).to.deep.equal([2, 4, 6]);
    expect(points[2]).to.include({ answers: 3, tokens: 30 });
    expect(points[2].perToken).to.be.closeTo(0.12, 1e-12);
    expect(points[2].perAnswer).to.be.closeTo(1.2, 1e-12);
    await app.intents.rewindTraining(4);
    expect(runOf(app).divergence!.map(({ step }) => step)).to.deep.equal([2, 4]);
    app.intents.setTraining({ kl_steps: 0, eval_scenes: 1, eval_steps: 3 });
    await app.intents.train();
    expect(runOf(app).divergence!.map(({ step }) => step)).to.deep.equal([2, 4, 6]);
    expect(runOf(app).heldOut.map(({ step }) => step)).to.deep.equal([0, 6]);
    app.dispose();
  });

  it('happen every k steps and after the last, with the reference once', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_scenes: 2, eval_steps: 3 });
    app.engine.calls = [];
    await app.intents.train();
    expect(runOf(app).heldOut.map(({ step }) => step)).to.deep.equal([0, 3, 6]);
    const models = (app.engine.callsOf('sampleBatch') as SampleBatchRequest[]).map(({ model }) => model);
    expect(models).to.deep.equal(['reference', 'policy', 'policy']);
    app.dispose();
  });

  it('can be skipped without ending the run', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_scenes: 4, eval_steps: 3 });
    app.engine.before = (method) => (method === 'sampleBatch' ? app.intents.skipExamination() : undefined);
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect(runOf(app).heldOut).to.deep.equal([]);
    app.dispose();
  });

  it('stop a run early and bring the best step back', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_scenes: 6, eval_steps: 2, early_stopping: true });
    let asked = 0;
    // The reference and the first policy mention things that are there; later ones say nothing.
    const { sampleBatch } = app.engine;
    app.engine.sampleBatch = (request, options) => {
      app.engine.answers = asked++ < 2 ? ['a cat a dog a ball an apple a tree a car'] : ['nothing'];
      return sampleBatch.call(app.engine, request, options);
    };
    await app.intents.train();
    const run = runOf(app);
    expect(run.status).to.equal('stopped');
    expect(run.step).to.equal(4);
    expect(run.message).to.contain('Stopped early at step 4');
    expect(app.store.state.adapter, 'the reference was as good as any step').to.equal(null);
    expect(await app.engine.adapter.facts()).to.equal(null);
    app.dispose();
  });
});

describe('before / after and the adapter', () => {
  it('answers under both models and scores both answers under both', async () => {
    const app = await makeTrainable();
    await app.intents.train();
    await app.intents.compare();
    const { comparison, phase } = app.store.state.training;
    expect(phase).to.equal('idle');
    expect(comparison).to.include({ status: 'done' });
    expect(comparison!.before.text).to.equal(app.engine.answers[0]);
    expect(comparison!.after.policy).to.have.length(comparison!.after.reference.length);
    app.dispose();
  });

  it('imports an adapter: everything is scored with it', async () => {
    const app = await makeTrainable();
    expect(await app.intents.exportAdapter()).to.equal(null);
    expect(notices(app)).to.contain('no adapter');
    expect(await app.intents.importAdapter(new Blob(['x']))).to.equal(true);
    const key = app.store.state.adapter!.key;
    await stateWhere(app, ({ pairs }) => pairs[0].scoredBy?.adapter === key, 'scores of the imported adapter');
    app.dispose();
  });
});

describe('an imported adapter', () => {
  it('is at work again after a reload, and after a lost device', async () => {
    const first = await makeTrainable();
    await first.intents.importAdapter(new Blob(['bytes of a file']));
    const { key } = first.store.state.adapter!;
    await first.flush();
    first.dispose();
    const engine = new FakeEngine();
    const imported: string[] = [];
    const given = engine.adapter.import;
    engine.adapter.import = (bytes) => {
      imported.push(new TextDecoder().decode(bytes));
      return given(bytes);
    };
    const app = await makeApp({ engine, backend: first.backend });
    expect(app.store.state.adapter?.key).to.equal(key);
    expect(imported).to.deep.equal(['bytes of a file']);
    await engine.destroyDevice();
    expect(imported).to.have.length(2);
    app.dispose();
  });

  it('goes with Reset, and its file with it', async () => {
    const app = await makeTrainable();
    await app.intents.importAdapter(new Blob(['one']));
    await app.intents.importAdapter(new Blob(['two']));
    const files = async () => (await app.backend.runs.keys()).filter((name) => name.startsWith('imported'));
    expect(await files()).to.have.length(1);
    await app.intents.resetTraining();
    expect(app.store.state.adapter).to.equal(null);
    expect(await files()).to.deep.equal([]);
    app.dispose();
  });

  it('is put back when a run ended before its first step', async () => {
    const app = await makeTrainable();
    await app.intents.importAdapter(new Blob(['bytes']));
    const { key } = app.store.state.adapter!;
    let again = 0;
    const given = app.engine.adapter.import;
    app.engine.adapter.import = (bytes) => {
      again += 1;
      return given(bytes);
    };
    beforeStep(app, () => app.intents.pauseTraining());
    await app.intents.train();
    expect(app.store.state.training.runs).to.deep.equal([]);
    expect(app.store.state.adapter?.key).to.equal(key);
    expect(again).to.equal(1);
    app.dispose();
  });
});

describe('margin.train', () => {
  it('yields TRL’s metrics through the same run as the button, and stops with its signal', async () => {
    const app = await makeTrainable();
    const margin = createConsole(app);
    const controller = new AbortController();
    const steps: number[] = [];
    for await (const metrics of margin.train({ learning_rate: 1e-3 }, { signal: controller.signal })) {
      expect(metrics).to.include.keys('loss', 'rewards/margins', 'logps/chosen', 'grad_norm');
      steps.push(metrics.step);
      if (metrics.step === 3) controller.abort();
    }
    expect(steps.slice(0, 3)).to.deep.equal([1, 2, 3]);
    expect(runOf(app).status).to.equal('paused');
    expect(runOf(app).settings.learning_rate).to.equal(1e-3);
    expect(app.store.state.settings.training.learning_rate, 'the page keeps its own settings').to.not.equal(1e-3);
    expect((await margin.adapter.export()).length).to.be.greaterThan(0);
    app.dispose();
  });

  it('throws what cannot start', async () => {
    const app = await makeApp();
    const margin = createConsole(app);
    let message = '';
    try {
      for await (const _ of margin.train()) throw new Error('no step was expected');
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).to.contain('no pairs to learn from yet');
    app.dispose();
  });
});
