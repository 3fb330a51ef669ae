import { expect } from '@esm-bundle/chai';
import '../../src/components/training/margin-training.ts';
import type { MarginTraining } from '../../src/components/training/margin-training.ts';
import { makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, buttons, deep, deepAll, frames, mount, settled, type, unmountAll } from '../support/mount.ts';

/** Whether the tab key stops at this element, or at something in it. */
const stops = (element: Element): boolean =>
  [element, ...deepAll(element, '*')].some((each) => (each as HTMLElement).tabIndex >= 0 && !each.matches(':disabled'));

describe('margin-training by keyboard', () => {
  let app: TestApp;
  let element: MarginTraining;

  beforeEach(async () => {
    app = await makeAppWithDraft();
    app.intents.addPair();
    app.intents.setSetting('objective', 'grpo');
    app.intents.setTraining({ max_steps: 4, eval_scenes: 0, kl_answers: 0 });
    await app.intents.train({ steps: 2 });
    await app.intents.train();
    element = await mount<MarginTraining>('margin-training', { app });
  });
  afterEach(() => {
    unmountAll();
    app.dispose();
  });

  it('reaches every control, each with a name, and everything that scrolls', async () => {
    for (const name of ['Curves', 'Answers', 'Before / after', 'Held-out', 'Runs', 'Settings']) {
      button(element, name).click();
      await frames(element, 3);
      const controls = deepAll(element, 'button, select, a, input:not([hidden])').filter(
        (each) => !each.matches(':disabled'),
      );
      for (const control of controls) {
        expect(control.tabIndex, `${name}: ${control.outerHTML}`).to.be.at.least(0);
        const labels = [...((control as HTMLInputElement).labels ?? [])].map((label) => label.textContent!.trim());
        const named = control.ariaLabel || labels.join() || control.textContent!.trim();
        expect(named, `${name}: ${control.outerHTML}`).to.not.equal('');
      }
      const scrolling = deepAll(element, '*').filter((each) => getComputedStyle(each).overflowY === 'auto');
      for (const each of scrolling) expect(stops(each), `${name}: <${each.localName}>`).to.equal(true);
      await expectAccessible(element);
    }
  });

  it('goes back to a step only when told to: an arrow key in the list picks, and nothing more', async () => {
    const select = deep<HTMLSelectElement>(element, 'select[aria-label="Rewind to step"]');
    type(select, '0', 'change');
    await settled(element);
    expect(app.training.run!.step).to.equal(4);
    type(select, '2', 'change');
    await settled(element);
    button(element, 'Go back to step 2').click();
    await stateWhere(app, ({ adapter }) => adapter?.step === 2, 'step 2');
    await settled(element);
    expect(app.training.run!.step).to.equal(2);
    expect(buttons(element, 'Go back to step 2')).to.have.length(0);
    expect(deep<HTMLSelectElement>(element, 'select[aria-label="Rewind to step"]').value).to.equal('');
  });
});
