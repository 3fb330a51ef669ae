import { expect } from '@esm-bundle/chai';
import { makeApp, stateWhere } from '../support/app.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { beforeStep, makeTrainable, notices } from '../support/trainable.ts';

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
