import { expect } from '@esm-bundle/chai';
import { DeviceLostError, EngineError, EngineLostError, InputError, OutOfMemoryError } from '../../src/errors.ts';
import { makeApp } from '../support/app.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { beforeStep, makeTrainable, notices, runOf } from '../support/trainable.ts';

describe('a run that something ends', () => {
  it('a bad pair has the number it has on the page, where ties stand among the pairs', async () => {
    const app = await makeTrainable();
    const { imageId } = app.store.state.pairs[0];
    app.store.update((state) => ({
      ...state,
      pairs: [
        { id: 'tie', imageId, prompt: 'p', chosen: 'a', rejected: 'a', verdict: 'tie' },
        ...state.pairs,
        { id: 'lost', imageId: 'gone', prompt: 'p', chosen: 'a', rejected: 'b', verdict: 'preferred' },
      ],
    }));
    await app.intents.train();
    expect(notices(app)).to.contain('Pair 3 of 3: this picture’s file is missing.');
    app.engine.before = (method) => {
      if (method === 'train') throw new InputError('Pair 1 of 1: the prompt is empty.');
    };
    app.intents.deletePair('lost');
    await app.intents.train();
    expect(notices(app)).to.contain('Pair 2 of 2: the prompt is empty.');
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
    expect(runOf(app)).to.include({
      status: 'paused',
      step: 2,
      message: 'The GPU device was lost.',
    });
    expect(notices(app), 'said once').to.not.contain('lost');
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

  it('without a checkpoint it stands at the last snapshot, and the numbers that follow are the same', async () => {
    const losses = (app: Awaited<ReturnType<typeof makeTrainable>>) => [
      ...app.training.log(runOf(app).id).column('loss'),
    ];
    const whole = await makeTrainable();
    await whole.intents.train();
    for (const lost of [new EngineLostError('The engine stopped answering.'), new DeviceLostError('Lost.')]) {
      const app = await makeTrainable();
      app.engine.training.snapshots = true;
      beforeStep(app, (step) => {
        if (step === 6) throw lost;
      });
      await app.intents.train();
      expect(runOf(app)).to.include({ status: 'paused', step: 4, message: lost.message });
      expect(app.store.state.adapter?.step).to.equal(4);
      expect(losses(app)).to.deep.equal(losses(whole).slice(0, 4));
      app.engine.before = () => {};
      await app.intents.train();
      expect(runOf(app)).to.include({ status: 'finished', step: 6 });
      expect(losses(app)).to.deep.equal(losses(whole));
      app.dispose();
    }
    whole.dispose();
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

  it('full storage is a notice; training goes on, and no step is offered that was not kept', async () => {
    const app = await makeTrainable();
    (app.backend.runs as { put: unknown }).put = async () => {
      throw new DOMException('no room', 'QuotaExceededError');
    };
    await app.intents.train();
    expect(runOf(app)).to.deep.include({ status: 'finished', step: 6, checkpoints: [] });
    expect(notices(app)).to.contain('no more room');
    app.dispose();
  });
});
