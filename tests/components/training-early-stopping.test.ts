import { expect } from '@esm-bundle/chai';
import '../../src/components/training/margin-training.ts';
import type { MarginTraining } from '../../src/components/training/margin-training.ts';
import type { HeldOutPoint } from '../../src/state/state.ts';
import { makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, buttons, deep, deepAll, frames, mount, settled, type, unmountAll } from '../support/mount.ts';
import { until } from '../support/until.ts';

const textOf = (element: Element, selector: string): string =>
  deepAll(element, selector)
    .map((each) => each.textContent!.replace(/\s+/g, ' ').trim())
    .join(' | ');

describe('margin-training, where training goes too far', () => {
  let app: TestApp;
  let element: MarginTraining;

  beforeEach(async () => {
    app = await makeAppWithDraft();
    app.intents.addPair();
    app.intents.setTraining({ max_steps: 30, kl_answers: 0 });
    element = await mount<MarginTraining>('margin-training', { app });
  });
  afterEach(() => {
    unmountAll();
    app.dispose();
  });

  const box = (label: string): HTMLInputElement =>
    deepAll(element, 'label.check')
      .find((each) => each.textContent!.trim() === label)!
      .querySelector('input')!;

  it('says how often early stopping looks, sets it where nobody has, and warns where that is too late', async () => {
    button(element, 'Settings').click();
    await settled(element);
    const every = () => deep<HTMLInputElement>(element, 'input[name="eval_steps"]');
    expect(every().value).to.equal('0');
    expect(button(element, 'Defaults').disabled).to.equal(false);
    app.intents.resetTrainingSettings();
    await settled(element);
    expect(button(element, 'Defaults').disabled).to.equal(true);
    box('early stopping').click();
    await frames(element, 2);
    expect(every().value).to.equal('10');
    expect(button(element, 'Defaults').disabled, 'drawn anew').to.equal(false);
    app.intents.setTraining({ max_steps: 30 });
    await until(() => textOf(element, '.rhythm').startsWith('Early'), 'the forecast of 30 steps');
    expect(textOf(element, '.rhythm')).to.match(/^Early stopping looks every 10 steps, and goes back to the best one/);
    type(every(), '0', 'change');
    await settled(element);
    expect(textOf(element, '[role="alert"]')).to.contain('eval_steps is 0').and.to.contain('The old value was kept.');
    expect(every().value).to.equal('10');
    await expectAccessible(element);
    app.intents.setTraining({ max_steps: 6 });
    const late = 'this run has 6: it could act only after the last one';
    await until(() => textOf(element, '.rhythm').includes(late), 'the warning of 6 steps');
  });

  it('leaves the box empty where there are no scenes to go by, and says why', async () => {
    app.intents.setTraining({ eval_scenes: 0 });
    button(element, 'Settings').click();
    await settled(element);
    box('early stopping').click();
    await settled(element);
    expect(box('early stopping').checked).to.equal(false);
    expect(textOf(element, '[role="alert"]')).to.contain('eval_scenes is 0');
  });

  it('flags over-optimisation in words, with a button back to the best step', async () => {
    app.intents.setTraining({ max_steps: 6, eval_scenes: 0 });
    await app.intents.train({ steps: 2 });
    await app.intents.train();
    const point = (step: number, f1: number, margin: number): HeldOutPoint => {
      return { step, f1, margin, scenes: 8, chairI: 0.1, cover: 0.9, example: '' };
    };
    const heldOut = [point(0, 0.8, 0), point(2, 0.91, 0.5), point(6, 0.7, 1.25)];
    const { runs } = app.store.state.training;
    app.store.update((state) => ({
      ...state,
      training: { ...state.training, runs: runs.map((run) => ({ ...run, heldOut })) },
    }));
    await frames(element, 3);
    expect(textOf(element, '[data-said="over-optimisation"]')).to.equal(
      'Over-optimised. From step 2 to 6 the margin rose by 0.75, but on held-out pictures F1 fell from 0.91 to 0.70. Go back to step 2',
    );
    await expectAccessible(element);
    button(element, 'Go back to step 2').click();
    await stateWhere(app, ({ adapter }) => adapter?.step === 2, 'the adapter of step 2');
    await frames(element, 3);
    expect(app.training.run).to.include({ status: 'paused', step: 2 });
    expect(deepAll(element, '[data-said="over-optimisation"]')).to.have.length(0);
    expect(buttons(element, 'Go back to step 2')).to.have.length(0);
  });
});
