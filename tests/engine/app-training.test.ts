import { expect } from '@esm-bundle/chai';
import { EngineClient } from '../../src/engine/client.ts';
import { type App, createApp } from '../../src/state/app.ts';
import { memoryBackend } from '../../src/state/persistence/memory.ts';
import { createPersistence } from '../../src/state/persistence.ts';
import { plainPicture, stateWhere } from '../support/app.ts';
import { TINY_BASE_URL } from '../support/tiny-fetch.ts';

const FREEZE = { objective: 'freeze', hyperparameters: {}, rows: [] };

/** Long enough for the next worker to start on a busy machine. */
const SILENT_MS = 6000;

/** The page's own runs over the tiny models in a real worker: what the panel shows, without the panel. */
describe('the page’s training through a real worker', () => {
  let app: App;
  /** Losses of the run that nothing interrupted. */
  let whole: number[];

  before(async () => {
    const workerUrl = new URL('../support/tiny-worker.ts', import.meta.url);
    const limits = { silentMs: SILENT_MS, cancelMs: 500 };
    const engine = new EngineClient({ baseUrl: TINY_BASE_URL, workerUrl, limits });
    app = createApp({ engine, persistence: createPersistence(memoryBackend()) });
    await app.restored;
    app.store.update((state) => ({ ...state, settings: { ...state.settings, vlm: 'tiny-vlm', clip: 'tiny-clip' } }));
    await engine.load({ vlm: 'tiny-vlm', clip: 'tiny-clip' });
    const [image] = await app.intents.addImages([await plainPicture()]);
    const pair = { imageId: image.id, prompt: 'What is there?' };
    app.intents.addPairOf({ ...pair, chosen: 'A cat.', rejected: 'A dog and a cat.' });
    app.intents.addPairOf({ ...pair, chosen: 'A sun.', rejected: 'No sun.' });
    app.intents.setTraining({
      max_steps: 6,
      save_steps: 1,
      learning_rate: 1e-2,
      per_device_train_batch_size: 1,
      lora_alpha: 8,
      r: 4,
      eval_scenes: 0,
    });
    await stateWhere(app, ({ pairs }) => pairs.every(({ scores }) => scores), 'scores', 60_000);
    await app.intents.train();
    expect(run()).to.include({ status: 'finished', step: 6 });
    whole = losses();
  });

  after(() => {
    app.dispose();
    app.engine.dispose();
  });

  afterEach(() => app.intents.resetTraining());

  const run = () => app.training.run!;
  const losses = () => [...app.training.log(run().id).column('loss')];

  /** Trains, and acts once when the run has logged so many steps. */
  async function trainUntil(step: number, act: () => void, options = {}): Promise<void> {
    let acted = false;
    const stop = app.training.subscribe(() => {
      if (acted || (app.training.run && app.training.log(run().id).length < step)) return;
      acted = true;
      act();
    });
    await app.intents.train(options);
    stop();
  }

  /** The log-probability of the first pair's chosen answer. */
  async function logp(model: 'policy' | 'reference'): Promise<number> {
    const { imageId, prompt, chosen } = app.store.state.pairs[0];
    const image = await app.images.input(imageId);
    return (await app.engine.logps({ image, prompt, response: chosen, model })).sum;
  }

  it('a worker that freezes is replaced, and the run goes on from its last checkpoint', async () => {
    await trainUntil(2, () => void app.engine.evaluate(FREEZE).catch(() => null), { fresh: true });
    expect(run().status).to.equal('paused');
    const { step } = run();
    expect(step).to.be.within(1, 5);
    expect(run().message).to.contain('stopped answering and was restarted');
    await stateWhere(app, ({ engine }) => engine.kind === 'ready', 'the next worker', 60_000);
    expect(await app.engine.adapter.facts(), 'its adapter is at work').to.deep.include({ step });
    await app.intents.train();
    expect(run()).to.include({ status: 'finished', step: 6 });
    expect(losses()).to.deep.equal(whole);
  });

  it('nor does a pause wait for one', async () => {
    await trainUntil(
      2,
      () => {
        void app.engine.evaluate(FREEZE).catch(() => null);
        app.intents.pauseTraining();
      },
      { fresh: true },
    );
    expect(run().status).to.equal('paused');
    await stateWhere(app, ({ engine }) => engine.kind === 'ready', 'the next worker', 60_000);
    await app.intents.train();
    expect(losses()).to.deep.equal(whole);
  });

  it('an absurd rate between examinations ends on the last good adapter', async () => {
    const { training } = app.store.state.settings;
    const absurd = { learning_rate: 1e30, max_grad_norm: 0, lr_scheduler_type: 'constant_with_warmup' } as const;
    // The first step of a warm-up changes nothing, so it is good; the second is not.
    app.intents.setTraining({ ...absurd, warmup_steps: 1, save_steps: 0, kl_steps: 2, kl_answers: 1 });
    await app.intents.train();
    expect(run()).to.include({ status: 'failed', step: 1 });
    expect(run().message).to.match(/^After step 2 .* The adapter after step 1 is kept\./);
    expect(app.store.state.adapter).to.include({ run: run().id, step: 1 });
    expect(await logp('policy')).to.be.closeTo(await logp('reference'), 1e-6);
    await app.intents.trainStep();
    expect(run()).to.include({ status: 'failed', step: 1 });
    expect(await logp('policy')).to.be.closeTo(await logp('reference'), 1e-6);
    app.intents.setTraining(training);
  });
});
