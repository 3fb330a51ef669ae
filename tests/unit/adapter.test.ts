import { expect } from '@esm-bundle/chai';
import { EngineError, EngineLostError } from '../../src/errors.ts';
import { makeApp, stateWhere } from '../support/app.ts';
import { FAKE_FACTS, FakeEngine } from '../support/fake-engine.ts';
import { beforeStep, makeTrainable, notices, runOf } from '../support/trainable.ts';

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

  it('says what of a file was left out', async () => {
    const app = await makeTrainable();
    const given = app.engine.adapter.import;
    app.engine.adapter.import = async (bytes) => ({ ...(await given(bytes)), notices: ['The tower was left out.'] });
    expect(await app.intents.importAdapter(new Blob(['x']))).to.equal(true);
    expect(notices(app)).to.contain('Adapter active').and.to.contain('The tower was left out.');
    app.dispose();
  });

  it('keeps everything when the file cannot be read', async () => {
    const app = await makeTrainable();
    const gone = new Blob(['x']);
    gone.arrayBuffer = () => Promise.reject(new DOMException('The file was moved.', 'NotReadableError'));
    expect(await app.intents.importAdapter(gone)).to.equal(false);
    expect(notices(app)).to.contain('The adapter could not be opened');
    expect(app.store.state.adapter).to.equal(null);
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

  it('stays at work when a run keeps no step', async () => {
    const app = await makeTrainable();
    await app.intents.importAdapter(new Blob(['bytes']));
    const { key } = app.store.state.adapter!;
    beforeStep(app, (step) => {
      if (step === 2) throw new EngineError('After step 1 the loss is NaN.', 'learning_rate');
    });
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'failed', step: 0, message: 'After step 1 the loss is NaN.' });
    expect(app.store.state.adapter?.key).to.equal(key);
    expect(await app.engine.adapter.facts()).to.include({ origin: 'imported' });
    app.engine.before = () => {};
    await app.intents.train();
    expect(app.store.state.adapter).to.include({ run: runOf(app).id, step: 6 });
    app.dispose();
  });

  it('comes back with the engine when that was lost before a step was kept', async () => {
    const app = await makeTrainable();
    await app.intents.importAdapter(new Blob(['bytes']));
    const { key } = app.store.state.adapter!;
    beforeStep(app, (step) => {
      if (step < 3) return;
      app.engine.setState({ kind: 'restarting', reason: 'It froze.' });
      throw new EngineLostError('The engine stopped answering and was restarted.');
    });
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'paused', step: 0 });
    expect(app.store.state.adapter?.key).to.equal(key);
    expect(await app.engine.adapter.facts(), 'nothing was asked of an engine that is away').to.include({ step: 2 });
    app.engine.setState({ kind: 'ready', facts: FAKE_FACTS });
    expect(await app.engine.adapter.facts()).to.include({ origin: 'imported' });
    app.dispose();
  });
});
