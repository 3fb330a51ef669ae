import { expect } from '@esm-bundle/chai';
import '../../src/components/training/margin-training.ts';
import type { MarginTraining } from '../../src/components/training/margin-training.ts';
import { makeAppWithDraft, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, deep, deepAll, mount, settled, unmountAll } from '../support/mount.ts';

const textOf = (element: Element, selector: string): string =>
  deepAll(element, selector)
    .map((each) => each.textContent!.replace(/\s+/g, ' ').trim())
    .join(' | ');

describe('margin-training with an imported adapter', () => {
  let app: TestApp;
  afterEach(() => {
    unmountAll();
    app?.dispose();
  });

  it('says that Train goes on from it, and that rank and targets are the file’s', async () => {
    app = await makeAppWithDraft();
    app.intents.addPair();
    app.intents.setTraining({ max_steps: 3, eval_scenes: 0, eval_pope_scenes: 0 });
    const element = await mount<MarginTraining>('margin-training', { app });
    button(element, 'Settings').click();
    await settled(element);
    const rank = () => deep<HTMLInputElement>(element, 'input[name=r]');
    expect(textOf(element, '.status')).to.contain('Train learns from 1 pair with DPO.');
    expect(rank().disabled).to.equal(false);
    expect(textOf(element, '[data-said=from-file]')).to.equal('');

    await app.intents.importAdapter(new File(['values'], 'bird.zip'));
    await settled(element);
    expect(textOf(element, '.status')).to.contain('Train goes on from bird.zip and 1 pair with DPO.');
    expect(textOf(element, '[data-said=from-file]')).to.contain('those of the imported adapter, until Reset');
    expect([rank().value, rank().disabled]).to.deep.equal(['8', true]);
    expect(deep<HTMLInputElement>(element, 'input[name=lora_dropout]').disabled).to.equal(false);
    const boxes = deepAll<HTMLInputElement>(element, '[aria-label="Target modules"] input');
    expect(boxes.map(({ checked }) => checked)).to.deep.equal([true, false, true, false, false, false, false]);
    expect(boxes.every(({ disabled }) => disabled)).to.equal(true);
    await expectAccessible(element);

    await app.intents.train();
    await settled(element);
    expect(textOf(element, '.status')).to.contain('Train starts anew from bird.zip and');

    button(element, 'Reset').click();
    await app.training.idle();
    await settled(element);
    expect(textOf(element, '.status')).to.contain('Train learns from 1 pair with DPO.');
    expect([rank().value, rank().disabled]).to.deep.equal(['16', false]);
  });
});
