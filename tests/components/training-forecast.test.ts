import { expect } from '@esm-bundle/chai';
import '../../src/components/training/margin-train-buttons.ts';
import '../../src/components/training/margin-training.ts';
import type { MarginTraining } from '../../src/components/training/margin-training.ts';
import { makeAppWithDraft, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { FAKE_BYTES } from '../support/fake-training.ts';
import { button, deepAll, frames, mount, unmountAll } from '../support/mount.ts';
import { until } from '../support/until.ts';

const textOf = (element: Element, selector: string): string =>
  deepAll(element, selector)
    .map((each) => each.textContent!.replace(/\s+/g, ' ').trim())
    .join(' | ');

describe('margin-training, before Train is pressed', () => {
  let app: TestApp;
  let element: MarginTraining;

  beforeEach(async () => {
    app = await makeAppWithDraft();
    app.intents.addPair();
    app.intents.setTraining({ max_steps: 6, eval_scenes: 0, per_device_train_batch_size: 4 });
    element = await mount<MarginTraining>('margin-training', { app });
  });
  afterEach(() => {
    unmountAll();
    app.dispose();
  });

  /** Waits for a forecast of this kind, and its drawing. */
  async function foretold(kind: string): Promise<void> {
    if (app.forecast.now?.kind !== kind) {
      await new Promise<void>((resolve) => {
        const stop = app.forecast.subscribe(() => {
          if (app.forecast.now?.kind !== kind) return;
          stop();
          resolve();
        });
      });
    }
    await frames(element, 3);
  }

  it('shows the peak memory of the run, and again when the rank changes', async () => {
    await foretold('fits');
    expect(textOf(element, '.status')).to.contain('Peak memory 64.0 KiB');
    app.intents.setTraining({ r: 32 });
    await until(() => textOf(element, '.status').includes('Peak memory 128 KiB'), 'the peak of the other rank');
    await expectAccessible(element);
  });

  it('says why a run does not fit: in the status, and on the buttons', async () => {
    const buttons = await mount('margin-train-buttons', { app } as object);
    app.engine.training.limit = FAKE_BYTES;
    app.intents.setTraining({ r: 32 });
    await foretold('refused');
    const sentence = 'A step needs 131072 bytes, and this GPU allows 1024. Lower r.';
    expect(textOf(element, '.status .message')).to.equal(sentence);
    for (const panel of [element, buttons]) {
      const train = button(panel, 'Train');
      expect([train.getAttribute('aria-disabled'), train.title]).to.deep.equal(['true', sentence]);
      expect(button(panel, 'Step').disabled).to.equal(true);
    }
    button(element, 'Train').click();
    const said = app.store.state.notices.filter(({ action }) => action !== 'photo models');
    expect(said.map(({ message }) => message)).to.deep.equal([sentence]);
    expect(app.engine.callsOf('train')).to.deep.equal([]);
    await expectAccessible(element);
    app.engine.training.limit = Number.POSITIVE_INFINITY;
    app.intents.setTraining({ r: 8 });
    await foretold('fits');
    expect(button(element, 'Train').getAttribute('aria-disabled')).to.equal('false');
    expect(textOf(element, '.status')).to.contain('Peak memory 32.0 KiB');
  });
});
