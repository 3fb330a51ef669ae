import { expect } from '@esm-bundle/chai';
import '../../src/components/app/margin-app.ts';
import type { MarginApp } from '../../src/components/app/margin-app.ts';
import { makeApp, makeAppWithDraft, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { button, buttons, deep, deepAll, mount, press, settled, unmountAll } from '../support/mount.ts';

/** One click of a mouse; `detail` is which of a quick succession it is. */
const click = (target: Element, detail: number) =>
  target.dispatchEvent(new MouseEvent('click', { bubbles: true, composed: true, cancelable: true, detail }));

/** Both clicks of a double click; what has taken the first one's place gets the second. */
async function doubleClick(element: MarginApp, find: () => Element, then: () => Element = find): Promise<void> {
  click(find(), 1);
  await settled(element);
  click(then(), 2);
  await settled(element);
}

describe('a double click', () => {
  let app: TestApp;
  let element: MarginApp;
  const draw = async (made: Promise<TestApp>) => {
    app = await made;
    element = await mount<MarginApp>('margin-app', { app });
    await settled(element);
  };
  const responses = () => deep(element, 'margin-responses');
  const training = () => deep(element, 'margin-training');
  const idle = () => stateWhere(app, ({ activity }) => activity === null, 'nothing under way');

  afterEach(() => {
    unmountAll();
    app.dispose();
  });

  it('on Sample samples once, while it lasts and when it was fast', async () => {
    await draw(makeApp());
    await app.intents.addImages([await plainPicture()]);
    await settled(element);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    app.engine.before = (method) => (method === 'sample' ? held : undefined);
    const sample = () => button(responses(), 'Sample responses');
    const place = sample().getBoundingClientRect();
    await doubleClick(element, sample);
    expect(app.store.state.activity?.kind).to.equal('sample');
    const cancel = button(responses(), 'Cancel').getBoundingClientRect();
    const now = sample().getBoundingClientRect();
    expect([now.left, now.top], 'it stays where it is').to.deep.equal([place.left, place.top]);
    expect(cancel.top, 'Cancel is below').to.be.at.least(place.bottom);
    release();
    await idle();
    app.engine.before = () => {};
    await settled(element);
    await doubleClick(element, sample);
    await idle();
    expect(app.engine.callsOf('sample')).to.have.length(2);
    button(responses(), 'Sample responses').click();
    await idle();
    expect(app.engine.callsOf('sample'), 'a later press is a press').to.have.length(3);
  });

  it('on Train does not pause, and on Step takes one step', async () => {
    await draw(makeAppWithDraft());
    app.intents.addPair();
    app.intents.setTraining({ max_steps: 4, eval_scenes: 0, kl_answers: 0 });
    app.intents.setBottom('training');
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    await settled(element);
    const at = () => buttons(training(), 'Train')[0].getBoundingClientRect().left;
    const before = at();
    click(button(training(), 'Train'), 1);
    await settled(element);
    expect(at()).to.be.closeTo(before, 1);
    click(button(training(), 'Train'), 2);
    await stateWhere(app, ({ training: { phase } }) => phase === 'idle', 'the end');
    expect(app.training.run).to.include({ status: 'finished', step: 4 });
    expect(button(training(), 'Pause').disabled).to.equal(true);
  });

  it('deletes one pair and one answer, not the next in their place', async () => {
    await draw(makeAppWithDraft());
    app.intents.addPair();
    const [{ imageId }] = app.store.state.pairs;
    app.intents.addPairOf({ imageId, prompt: 'p', chosen: 'a', rejected: 'b' });
    await settled(element);
    await doubleClick(element, () => button(element, 'Delete pair 1'));
    expect(app.store.state.pairs).to.have.length(1);
    await doubleClick(element, () => button(element, 'Remove answer'));
    expect(app.store.state.candidates).to.have.length(3);
    await doubleClick(element, () => buttons(element, 'Mark chosen')[0]);
    expect(app.store.state.candidates[0].mark, 'marked, and not unmarked').to.equal('chosen');
  });

  it('opens a dialog and does not close it again', async () => {
    await draw(makeApp());
    await doubleClick(
      element,
      () => deepAll(element, 'button').find((each) => each.textContent!.includes('About'))!,
      () => deep(element, 'dialog'),
    );
    expect(app.store.state.view.overlay).to.equal('about');
    click(deep(element, 'dialog'), 1);
    expect(app.store.state.view.overlay).to.equal('none');
  });

  it('still undoes twice', async () => {
    await draw(makeAppWithDraft());
    await settled(element);
    await doubleClick(element, () => deepAll(element, 'button').find((each) => /^Undo/.test(each.ariaLabel ?? ''))!);
    expect(app.store.state.candidates.filter(({ mark }) => mark)).to.have.length(0);
  });

  it('has a brother: a key held down acts once', async () => {
    await draw(makeAppWithDraft());
    app.intents.addPair();
    app.intents.setTraining({ max_steps: 4, eval_scenes: 0, kl_answers: 0 });
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    press(' ');
    press(' ', document.body, { repeat: true });
    await stateWhere(app, ({ training: { phase, run } }) => phase === 'idle' && run !== null, 'the end');
    expect(app.training.run).to.include({ status: 'finished', step: 4 });
    const chosen = buttons(element, 'Mark chosen')[0];
    expect(press('Enter', chosen), 'a first press').to.equal(false);
    expect(press('Enter', chosen, { repeat: true }), 'a held key').to.equal(true);
  });
});

describe('the browser’s Back', () => {
  afterEach(unmountAll);

  it('closes dialogs, link or not, and leaves the address to the settings', async () => {
    const app = await makeApp();
    const element = await mount<MarginApp>('margin-app', { app });
    await settled(element);
    const length = history.length;
    for (const open of [
      () => app.intents.openGallery('simpo'),
      () => app.intents.openOverlay('explorer'),
      () => press('?'),
      () => app.intents.openOverlay('engine'),
    ]) {
      open();
      await settled(element);
      expect(app.store.state.view.overlay).to.not.equal('none');
      history.back();
      await stateWhere(app, ({ view }) => view.overlay === 'none', 'a closed overlay');
      expect(element.isConnected).to.equal(true);
    }
    expect(history.length).to.be.at.most(length + 1);
    app.dispose();
  });
});
