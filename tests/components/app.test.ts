import { expect } from '@esm-bundle/chai';
import '../../src/components/app/margin-app.ts';
import { webGpuHint } from '../../src/components/app/browsers.ts';
import type { MarginApp } from '../../src/components/app/margin-app.ts';
import { badgeTitle } from '../../src/components/app/margin-engine-badge.ts';
import { progressText } from '../../src/components/app/margin-load-progress.ts';
import { SHORTCUTS } from '../../src/components/app/shortcuts.ts';
import { bytes, count, number, percent } from '../../src/components/shared/format.ts';
import { pointersOf } from '../../src/components/shared/pointed.ts';
import { makeApp, makeAppWithDraft, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { FAKE_FACTS } from '../support/fake-engine.ts';
import { button, deep, deepAll, mount, press, settled, unmountAll } from '../support/mount.ts';

const CHOICES = [
  {
    id: 'toybox-vlm',
    label: 'Toybox VLM',
    kind: 'vlm',
    world: 'toybox',
    about: 'Small.',
    licence: 'MIT',
    bundled: true,
    bytes: 12e6,
  },
  {
    id: 'smolvlm',
    label: 'SmolVLM',
    kind: 'vlm',
    world: 'photographs',
    about: 'Larger.',
    licence: 'Apache-2.0',
    bundled: false,
    bytes: 5.1e8,
  },
  {
    id: 'toybox-clip',
    label: 'Toybox CLIP',
    kind: 'clip',
    world: 'toybox',
    about: 'Small.',
    licence: 'MIT',
    bundled: true,
    bytes: 5e6,
  },
] as const;

const draw = (app: TestApp) => mount<MarginApp>('margin-app', { app, choices: CHOICES });

describe('the page', () => {
  afterEach(unmountAll);

  it('shows the engine, the models and no dialog; accessible in both themes', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    const badge = deep(element, 'margin-engine-badge').shadowRoot!.textContent!;
    expect(badge).to.contain('fake adapter').and.to.contain('software').and.to.contain('CLIP WASM');
    expect(deepAll(element, 'dialog')).to.have.length(0);
    await expectAccessible(element);
    app.intents.setTheme('dark');
    await settled(element);
    expect(document.documentElement.dataset.theme).to.equal('dark');
    await expectAccessible(element);
  });

  it('offers the catalog and loads what is picked', async () => {
    const app = await makeApp();
    const element = await draw(app);
    const picker = deep<HTMLSelectElement>(element, 'select[aria-label="Vision-language model"]');
    expect([...picker.options].map((option) => option.textContent!.trim())).to.deep.equal([
      'Toybox VLM',
      'SmolVLM (download, 486 MiB)',
    ]);
    picker.value = 'smolvlm';
    picker.dispatchEvent(new Event('change'));
    await settled(element);
    expect(picker.value, 'while it loads, and after').to.equal('smolvlm');
    await stateWhere(app, ({ settings }) => settings.vlm === 'smolvlm', 'the other model');
    expect(app.engine.callsOf('load').at(-1)).to.deep.equal({ vlm: 'smolvlm', clip: 'toybox-clip' });
  });

  it('shows loading with bytes, restarting, and what is wrong', async () => {
    const app = await makeApp({ ready: false });
    const element = await draw(app);
    app.engine.setState({
      kind: 'loading',
      progress: { stage: 'download', item: 'model.safetensors', done: 3 * 1024 ** 2, total: 12 * 1024 ** 2 },
    });
    await settled(element);
    expect(deep(element, 'margin-load-progress').shadowRoot!.textContent).to.contain('3.00 MiB of 12.0 MiB');
    await expectAccessible(element);
    app.engine.setState({ kind: 'restarting', reason: 'The GPU device was lost.' });
    await settled(element);
    expect(deep(element, 'margin-engine-badge').shadowRoot!.textContent).to.contain('The GPU device was lost.');
    app.engine.setState({
      kind: 'unavailable',
      error: { name: 'ModelFileError', message: 'The file is damaged.', subject: 'toybox-vlm/model.safetensors' },
    });
    await settled(element);
    const alert = deep(deep(element, 'margin-no-webgpu'), '[role="alert"]');
    expect(alert.textContent).to.contain('The file is damaged.').and.to.contain('toybox-vlm/model.safetensors');
    await expectAccessible(element);
    button(element, 'Try again').click();
    await settled(element);
    expect(app.store.state.engine.kind).to.equal('ready');
    expect(deepAll(element, 'margin-no-webgpu')).to.have.length(0);
  });

  it('cancels loading and offers it again', async () => {
    const app = await makeApp({ ready: false });
    let release = () => {};
    app.engine.before = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const loading = app.intents.retryEngine();
    const element = await draw(app);
    await expectAccessible(element);
    button(element, 'Cancel loading').click();
    release();
    await loading;
    await settled(element);
    expect(deep(deep(element, 'margin-no-webgpu'), '[role="alert"]').textContent).to.contain('no models yet');
    app.engine.before = () => {};
    button(element, 'Try again').click();
    await settled(element);
    expect(app.store.state.engine.kind).to.equal('ready');
  });

  it('goes back to the model at work when another cannot be loaded', async () => {
    const app = await makeApp();
    const element = await draw(app);
    const picker = deep<HTMLSelectElement>(element, 'select[aria-label="Vision-language model"]');
    app.engine.before = () => Promise.reject(new Error('The hub cannot be reached.'));
    picker.value = 'smolvlm';
    picker.dispatchEvent(new Event('change'));
    await stateWhere(app, ({ settings }) => settings.vlm === 'toybox-vlm', 'the old model');
    await settled(element);
    expect(picker.value).to.equal('toybox-vlm');
    expect(app.store.state.engine.kind).to.equal('ready');
    expect(app.store.state.notices.at(-1)?.message).to.contain('cannot be reached').and.to.contain('still active');
  });

  it('names the browsers and keeps the objective panel without WebGPU', async () => {
    const app = await makeApp({ ready: false });
    app.engine.setState({ kind: 'unavailable', error: { name: 'NoWebGpuError', message: 'No adapter.' } });
    const element = await draw(app);
    const text = deep(deep(element, 'margin-no-webgpu'), '[role="alert"]').textContent!;
    for (const browser of ['Chrome and Edge', 'Safari', 'Firefox']) expect(text).to.contain(browser);
    expect(deep(element, 'margin-typed-rows')).not.to.equal(null);
    await expectAccessible(element);
  });

  it('marks, ties, adds, undoes and moves on by keyboard', async () => {
    const app = await makeApp();
    await app.intents.addImages([await plainPicture(), await plainPicture([0, 0, 200], 'blue.png')]);
    await app.intents.sample();
    await draw(app);
    const [first, second] = app.store.state.candidates;
    const marks = () => app.store.state.candidates.map(({ mark }) => mark);
    press('1');
    expect(pointersOf(app).candidate.id).to.equal(first.id);
    press('c');
    press('2');
    press('r');
    expect(marks().slice(0, 2)).to.deep.equal(['chosen', 'rejected']);
    press('r');
    expect(marks()[1]).to.equal(undefined);
    press('r');
    press('a');
    expect(app.store.state.pairs[0]).to.include({ chosen: first.text, rejected: second.text });
    press('z', document.body, { ctrlKey: true });
    expect(app.store.state.pairs).to.have.length(0);
    press('z', document.body, { metaKey: true, shiftKey: true });
    expect(app.store.state.pairs).to.have.length(1);
    press('1');
    press('c');
    press('2');
    press('r');
    press('t');
    expect(app.store.state.pairs[1].verdict).to.equal('tie');
    const { selectedImage } = app.store.state;
    press('n');
    expect(app.store.state.selectedImage).not.to.equal(selectedImage);
  });

  it('leaves the keys alone while somebody types', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    const prompt = deep<HTMLTextAreaElement>(deep(element, 'margin-responses'), 'textarea');
    pointersOf(app).candidate.id = app.store.state.candidates[2].id;
    expect(press('c', prompt)).to.equal(false);
    expect(press('?', prompt)).to.equal(false);
    expect(press('z', prompt, { ctrlKey: true })).to.equal(false);
    expect(app.store.state.candidates[2].mark).to.equal(undefined);
    expect(press('c', deep(element, 'input[type="range"]'))).to.equal(true);
  });

  it('opens and closes its dialogs', async () => {
    const app = await makeApp();
    const element = await draw(app);
    press('?');
    await settled(element);
    expect(deepAll(element, 'margin-shortcuts')).to.have.length(1);
    expect(deepAll(deep(element, 'margin-shortcuts'), 'dt')).to.have.length(SHORTCUTS.length);
    await expectAccessible(element);
    button(element, 'Close').click();
    await settled(element);
    expect(deepAll(element, 'dialog')).to.have.length(0);
    for (const [name, tag] of [
      ['Kernels', 'margin-kernels'],
      ['About', 'margin-about'],
    ]) {
      button(element, name).click();
      await settled(element);
      expect(deepAll(element, tag)).to.have.length(1);
      await expectAccessible(element);
      deep(element, 'dialog').dispatchEvent(new Event('cancel', { cancelable: true }));
      await settled(element);
      expect(deepAll(element, tag)).to.have.length(0);
      expect(app.store.state.view.overlay).to.equal('none');
    }
    deep(deep(element, 'margin-engine-badge'), 'button').click();
    await settled(element);
    expect(deep(element, 'margin-engine-facts').shadowRoot!.textContent)
      .to.contain('linear-f16')
      .and.to.contain('4.00 KiB');
    await expectAccessible(element);
  });

  it('shows notices until they are dismissed', async () => {
    const app = await makeApp();
    const element = await draw(app);
    app.intents.notify('error', 'The picture is damaged. Nothing else was changed.');
    await settled(element);
    const notices = deep(element, 'margin-notices');
    expect(notices.shadowRoot!.querySelector('[aria-live="assertive"]')!.textContent).to.contain(
      'The picture is damaged.',
    );
    await expectAccessible(notices);
    button(notices, 'Dismiss').click();
    await settled(element);
    expect(app.store.state.notices).to.have.length(0);
  });
});

describe('page helpers', () => {
  it('says where WebGPU is missing and why', () => {
    const origin = 'http://10.0.0.7:5173';
    expect(webGpuHint({ isSecureContext: false, origin, userAgent: '' }).advice)
      .to.contain('https')
      .and.to.contain(origin);
    const linux = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36';
    expect(webGpuHint({ isSecureContext: true, origin, userAgent: linux }).advice).to.contain('--enable-unsafe-webgpu');
    expect(webGpuHint({ isSecureContext: true, origin, userAgent: 'Macintosh' }).advice).to.contain('browsers below');
  });

  it('reports loading in bytes or steps', () => {
    expect(progressText(null)).to.deep.equal({ what: 'Starting the engine…', amount: '' });
    expect(progressText({ stage: 'compile', item: 'kernels', done: 3, total: 12 })).to.deep.equal({
      what: 'Compiling kernels',
      amount: '3 of 12',
    });
    expect(progressText({ stage: 'download', item: 'm/x.onnx', done: 512, total: 0 })).to.deep.equal({
      what: 'Loading m/x.onnx',
      amount: '512 B',
    });
  });

  it('tells everything in the badge’s tooltip', () => {
    const title = badgeTitle({
      ...FAKE_FACTS,
      device: { ...FAKE_FACTS.device, selfCheck: [{ name: 'linear-f16', ok: false, maxError: 1 }] },
      models: [{ ...FAKE_FACTS.models[0], agreement: 2e-6 }],
    });
    expect(title).to.contain('software adapter').and.to.contain('2.0e-6').and.to.contain('linear-f16');
  });

  it('writes numbers that a console can read again', () => {
    expect(number(-1.23456, 3)).to.equal('-1.235');
    expect(number(-0.00001)).to.equal('0.0000');
    expect(number(undefined)).to.equal('–');
    expect(number(Number.NaN)).to.equal('–');
    expect(number(Number.NEGATIVE_INFINITY)).to.equal('-∞');
    expect(percent(0.0123)).to.equal('1.2 %');
    expect(percent(0.876)).to.equal('88 %');
    expect(bytes(12_000_000)).to.equal('11.4 MiB');
    expect(`${count(1, 'pair')}, ${count(2, 'pair')}`).to.equal('1 pair, 2 pairs');
  });
});
