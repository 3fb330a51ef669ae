import { expect } from '@esm-bundle/chai';
import { CancelledError, InputError, ModelFileError, NoWebGpuError } from '../../src/errors.ts';
import type { App } from '../../src/state/app.ts';
import { MemoryAddress } from '../../src/state/persistence/memory.ts';
import { makeApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { FakeEngine } from '../support/fake-engine.ts';

/** An engine that refuses these models, as an unknown or a damaged one is refused. */
function refusing(...refused: string[]): FakeEngine {
  const engine = new FakeEngine();
  engine.before = (method, request) => {
    const { vlm } = request as { vlm: string };
    if (method !== 'load' || !refused.includes(vlm)) return;
    throw vlm === 'nope'
      ? new InputError('There is no vlm model called "nope".', 'vlm')
      : new ModelFileError(`${vlm}/model.safetensors is damaged.`, vlm);
  };
  return engine;
}

const said = (app: App): string => app.store.state.notices.map(({ message }) => message).join('\n');
const models = ({ store }: App) => [store.state.settings.vlm, store.state.settings.clip];
const loads = (app: TestApp) => app.engine.callsOf('load').map((request) => (request as { vlm: string }).vlm);
/** The same browser, opened again. */
const again = (app: TestApp, options: TestAppOptions = {}) => makeApp({ backend: app.backend, ...options });
const withLink = (hash: string) => ({ address: new MemoryAddress(hash) });

describe('which models are loaded', () => {
  it('a link to a model that does not exist loads the others, says so, and is not kept', async () => {
    const app = await makeApp({ engine: refusing('nope'), backend: withLink('vlm=nope&clip=other-clip&seed=7') });
    expect(app.store.state.engine.kind).to.equal('ready');
    expect(models(app)).to.deep.equal(['toybox-vlm', 'other-clip']);
    expect(app.store.state.settings.seed).to.equal(7);
    expect(said(app))
      .to.contain('no vlm model called "nope"')
      .and.to.contain('Loading toybox-vlm and other-clip instead');
    await app.flush();
    expect(app.backend.address.hash()).to.not.contain('nope');
    const next = await again(app, { engine: refusing('nope') });
    expect(loads(next)).to.deep.equal(['toybox-vlm']);
    expect(said(next)).to.equal('');
  });

  it('a link to a model that fails falls back at once', async () => {
    const app = await makeApp({ engine: refusing('damaged'), backend: withLink('vlm=damaged') });
    expect(models(app)).to.deep.equal(['toybox-vlm', 'toybox-clip']);
    expect(said(app)).to.contain('damaged/model.safetensors');
  });

  it('a choice becomes a setting when it has loaded, and not before', async () => {
    const app = await makeApp();
    let release = () => {};
    app.engine.before = () => new Promise<void>((resolve) => (release = resolve));
    app.intents.setSetting('vlm', 'other');
    expect(models(app)[0]).to.equal('toybox-vlm');
    expect(app.intents.link()).to.contain('vlm=toybox-vlm');
    expect(app.engine.state).to.have.property('kind', 'loading');
    release();
    await new Promise((resolve) => setTimeout(resolve));
    expect(models(app)[0]).to.equal('other');
    expect(app.intents.link()).to.contain('vlm=other');
  });

  it('stored models that fail twice give way to the bundled ones, with a notice', async () => {
    const first = await makeApp();
    first.intents.setSetting('vlm', 'other');
    await new Promise((resolve) => setTimeout(resolve));
    await first.flush();
    const second = await again(first, { engine: refusing('other') });
    expect(second.store.state.engine.kind).to.equal('unavailable');
    expect(models(second)[0], 'once may be the network').to.equal('other');
    const third = await again(second, { engine: refusing('other') });
    expect(loads(third)).to.deep.equal(['other', 'toybox-vlm']);
    expect(models(third)).to.deep.equal(['toybox-vlm', 'toybox-clip']);
    expect(said(third)).to.contain('other/model.safetensors is damaged').and.to.contain('instead');
    await third.flush();
    const fourth = await again(third, { engine: refusing('other') });
    expect(loads(fourth)).to.deep.equal(['toybox-vlm']);
  });

  it('starts that end with the page count, those that a person ends do not', async () => {
    const first = await makeApp();
    first.intents.setSetting('vlm', 'other');
    await new Promise((resolve) => setTimeout(resolve));
    await first.flush();
    const never = () => {
      const engine = new FakeEngine();
      engine.before = () => new Promise(() => {});
      return engine;
    };
    const crash = async () => {
      const app = await again(first, { engine: never(), ready: false });
      void app.intents.retryEngine();
      return app;
    };
    await crash();
    // Cancelled: as if it had not been tried.
    const cancelling = new FakeEngine();
    cancelling.before = () => {
      throw new CancelledError();
    };
    await again(first, { engine: cancelling });
    expect(JSON.parse(first.backend.starts.get()!).count).to.equal(1);
    await crash();
    const app = await again(first);
    expect(loads(app)).to.deep.equal(['toybox-vlm']);
    expect(said(app)).to.contain('could not be loaded 2 times in a row');
  });

  it('without WebGPU nothing is tried instead, and nothing counts', async () => {
    const engine = new FakeEngine();
    engine.before = () => {
      throw new NoWebGpuError('No adapter.');
    };
    const app = await makeApp({ engine, backend: withLink('vlm=other') });
    expect(loads(app)).to.deep.equal(['other']);
    expect(app.store.state.engine.kind).to.equal('unavailable');
    expect(app.backend.starts.get()).to.equal(null);
  });

  it('says what of a link cannot be used, and uses the rest', async () => {
    const hash = `n=99&seed=x&objective=foo&dpo_sigmoid.beta=-1&simpo.nothing=1&train.learning_rate=fast&train.odd=1&gallery=nope&colour=red&t=0.5&prompt=${'long '.repeat(1000)}`;
    const app = await makeApp({ backend: withLink(hash) });
    const { settings, view } = app.store.state;
    expect(settings).to.include({
      n: 16,
      seed: 1,
      objective: 'dpo_sigmoid',
      temperature: 0.5,
      prompt: 'Describe the image.',
    });
    expect(view.overlay).to.equal('none');
    for (const part of [
      'n is 99',
      'seed is',
      '"foo"',
      'beta',
      'simpo',
      'learning_rate',
      '"odd"',
      '"nope"',
      '"colour"',
      '5000 characters',
    ]) {
      expect(said(app).toLowerCase(), part).to.contain(part);
    }
    expect(said(await makeApp({ backend: withLink(new URL(app.intents.link()).hash.slice(1)) }))).to.equal('');
  });

  it('survives stored settings and views of wrong types', async () => {
    const first = await makeApp();
    await first.flush();
    const records = first.backend.records;
    const junk = new Map<string, unknown>([
      ['settings', { vlm: 5, n: 'many', prompt: null, training: 'x', hyperparameters: [] }],
      ['view', { theme: 5, tab: {}, bottom: null, overlay: 'kernels' }],
    ]);
    await records.write({ values: junk, lists: [] });
    const app = await again(first);
    expect(models(app)).to.deep.equal(['toybox-vlm', 'toybox-clip']);
    expect(app.store.state.view).to.include({ theme: 'system', tab: 'images', bottom: 'pairs', overlay: 'none' });
    expect(app.store.state.settings).to.include({ n: 4, prompt: 'Describe the image.' });
  });

  it('resets the page: nothing stored is left, and the page opens again', async () => {
    const first = await makeApp();
    await first.intents.addSampleScenes();
    await first.flush();
    await first.intents.resetPage();
    expect((first.backend.address as MemoryAddress).reloads).to.equal(1);
    // What happens before the page is gone is not saved either.
    first.intents.setSetting('seed', 99);
    await first.flush();
    const app = await again(first);
    expect(app.store.state.images).to.deep.equal([]);
    expect(app.store.state.settings.seed).to.equal(1);
  });
});
