import { expect } from '@esm-bundle/chai';
import type { MarginChart } from '../../src/components/training/margin-chart.ts';
import '../../src/components/training/margin-training.ts';
import type { MarginTraining } from '../../src/components/training/margin-training.ts';
import { makeAppWithDraft, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, buttons, deepAll, frames, mount, settled, unmountAll } from '../support/mount.ts';

const textOf = (element: Element, selector: string): string =>
  deepAll(element, selector)
    .map((each) => each.textContent!.replace(/\s+/g, ' ').trim())
    .join(' | ');

describe('margin-training, on sampled answers', () => {
  let app: TestApp;
  let element: MarginTraining;

  beforeEach(async () => {
    app = await makeAppWithDraft();
    app.intents.setTraining({ max_steps: 3, eval_scenes: 0, eval_pope_scenes: 0, kl_answers: 0 });
    element = await mount<MarginTraining>('margin-training', { app });
  });
  afterEach(() => {
    unmountAll();
    app.dispose();
  });

  it('asks how to sample and what to reward, for objectives that sample', async () => {
    button(element, 'Settings').click();
    await settled(element);
    const fields = () => deepAll<HTMLInputElement>(element, 'input[type=number]').map(({ name }) => name);
    expect(fields()).not.to.include('num_generations');
    expect(buttons(element, 'Answers')).to.have.length(0);
    app.intents.setSetting('objective', 'grpo');
    await frames(element, 3);
    expect(fields()).to.include.members(['num_generations', 'temperature', 'top_p', 'max_completion_length']);
    const reward = deepAll<HTMLSelectElement>(element, 'select').find(({ value }) => value === 'clip')!;
    reward.value = 'truth';
    reward.dispatchEvent(new Event('change'));
    expect(app.store.state.settings.training.reward).to.equal('truth');
    await expectAccessible(element);
  });

  it('learns from pictures without pairs; draws rewards; shows what it tried and what that earned', async () => {
    app.intents.setSetting('objective', 'grpo');
    await frames(element, 3);
    const prompts = app.store.state.images.length;
    expect(textOf(element, '.status')).to.contain(`Train learns from ${prompts} prompt`);
    button(element, 'Answers').click();
    await settled(element);
    expect(textOf(element, '.none')).to.contain('what it tried');
    await app.intents.train();
    await frames(element, 4);
    const rows = deepAll(element, 'tbody tr').map((row) => row.textContent!.replace(/\s+/g, ' ').trim());
    expect(rows).to.have.length(4);
    expect(rows[0]).to.equal('A cat and an apple. 1.200 +1.20');
    expect(rows.join()).to.contain('nothing');
    expect(deepAll(element, '.up')).to.have.length(1);
    expect(deepAll(element, '.down')).to.have.length(2);
    await expectAccessible(element);
    button(element, 'Curves').click();
    await frames(element, 4);
    const headings = deepAll<MarginChart>(element, 'margin-chart').map(({ heading }) => heading);
    expect(headings).to.deep.equal([
      'reward',
      'reward_std',
      'frac_reward_zero_std',
      'completions/mean_length',
      'kl',
      'loss',
      'grad_norm',
    ]);
    const drawn = deepAll(element, 'polyline').map((line) => line.getAttribute('data-line'));
    expect(drawn).to.include.members(['reward', 'reward_std', 'completions/mean_length', 'kl']);
    expect(deepAll(element, '[data-said]'), 'three of four groups differ').to.have.length(0);
    await expectAccessible(element);
  });
});
