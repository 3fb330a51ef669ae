import { expect } from '@esm-bundle/chai';
import '../../src/components/training/margin-training.ts';
import type { MarginTraining } from '../../src/components/training/margin-training.ts';
import { defaultTraining } from '../../src/state/training/settings.ts';
import { makeAppWithDraft, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, deep, deepAll, frames, mount, settled, unmountAll } from '../support/mount.ts';

const DPO_RATE = defaultTraining('dpo_sigmoid').learning_rate;

const listOf = (element: Element): string[] =>
  deepAll(element, 'ul.runs li').map((each) => each.textContent!.replace(/\s+/g, ' ').trim());

describe('margin-training, several runs', () => {
  let app: TestApp;
  let element: MarginTraining;

  beforeEach(async () => {
    app = await makeAppWithDraft();
    app.intents.addPair();
    app.intents.setTraining({ max_steps: 3, eval_scenes: 0, eval_pope_scenes: 0, kl_answers: 0 });
    element = await mount<MarginTraining>('margin-training', { app });
  });
  afterEach(() => {
    unmountAll();
    app.dispose();
  });

  it('calls a single run nothing, and several by what differs: in the legend, and at their lines', async () => {
    await app.intents.train();
    await frames(element, 3);
    expect(listOf(element)).to.deep.equal([]);
    app.intents.editPair(app.store.state.pairs[0].id, { chosen: 'Another cat.' });
    app.intents.setTraining({ r: 4 });
    await app.intents.train();
    await frames(element, 3);
    const names = ['DPO, r 16, 1 pair (set A)', 'DPO, r 4, 1 pair (set B)'];
    expect(listOf(element)).to.deep.equal(names.map((name, i) => `${i + 1}: ${name}`));
    expect(deep(element, 'ul.runs [aria-current]').textContent).to.contain('2:');
    const loss = deepAll(element, 'margin-chart')[0];
    expect(deepAll(loss, 'g title').map((title) => title.textContent)).to.deep.equal([
      `Run 1: ${names[0]}`,
      `Run 2: ${names[1]}`,
    ]);
    await expectAccessible(element);
  });

  it('marks a run of another model than the present one', async () => {
    await app.intents.train();
    button(element, 'Runs').click();
    await frames(element, 3);
    const table = () => deep(element, 'margin-train-runs').shadowRoot!.textContent;
    expect(table()).to.not.contain('model');
    app.store.update((state) => ({ ...state, settings: { ...state.settings, vlm: 'another-vlm' } }));
    await frames(element, 3);
    expect(table()).to.contain('model toybox-vlm');
  });

  it('names those that were examined beside the held-out curves', async () => {
    app.engine.answers = ['a cat'];
    app.intents.setTraining({ eval_scenes: 1 });
    await app.intents.train();
    button(element, 'Held-out').click();
    app.intents.setTraining({ learning_rate: 1e-3 });
    await app.intents.train({ steps: 1 });
    await settled(element);
    expect(listOf(element)).to.deep.equal([`1: DPO, lr ${DPO_RATE}`, '2: DPO, lr 0.001']);
    expect(deep(element, '.big').textContent).to.contain('Before training: ');
    await expectAccessible(element);
  });
});
