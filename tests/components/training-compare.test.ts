import { expect } from '@esm-bundle/chai';
import type { MarginTokens } from '../../src/components/responses/margin-tokens.ts';
import '../../src/components/training/margin-train-compare.ts';
import type { MarginTrainCompare } from '../../src/components/training/margin-train-compare.ts';
import { makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, deep, deepAll, mount, press, settled, unmountAll } from '../support/mount.ts';

const words = (element: Element): string => element.textContent!.replace(/\s+/g, ' ').trim();

describe('margin-train-compare', () => {
  let app: TestApp;
  let element: MarginTrainCompare;

  beforeEach(async () => {
    app = await makeAppWithDraft();
    app.intents.addPair();
    app.intents.setTraining({ max_steps: 2, eval_scenes: 0, kl_answers: 0 });
    await app.intents.train();
    await stateWhere(app, ({ pairs, adapter }) => pairs[0].scoredBy?.adapter === adapter?.key, 'scores');
    element = await mount<MarginTrainCompare>('margin-train-compare', { app });
  });
  afterEach(() => {
    unmountAll();
    app.dispose();
  });

  /** What stands under each heading. */
  const sides = (): string[] => deepAll(element, '.answer').map(words);
  const done = () => stateWhere(app, ({ training }) => training.comparison?.status === 'done', 'both answers');

  it('streams both answers side by side, word by word', async () => {
    app.engine.answers = ['A cat on grass.'];
    const seen: string[][] = [];
    app.engine.before = async (method) => {
      if (method !== 'sample') return;
      await settled(element);
      seen.push(sides());
    };
    button(element, 'Compare before / after').click();
    await done();
    // Before each token, the ones so far; the end of the utterance is no word of the answer.
    expect(seen.slice(0, 5)).to.deep.equal([
      ['…', '…'],
      ['A', '…'],
      ['A cat', '…'],
      ['A cat on', '…'],
      ['A cat on grass.', '…'],
    ]);
    expect(seen.slice(5)[1]).to.deep.equal(['A cat on grass.', 'A']);
    expect(seen.at(-1)).to.deep.equal(['A cat on grass.', 'A cat on grass.']);
    expect(deepAll(element, 'section h3').map(words)).to.deep.equal(['Before (reference)', 'After (policy)']);
    const [before, after] = deepAll(element, 'section').map((section) => section.getBoundingClientRect());
    expect(Math.abs(before.top - after.top), 'on one line').to.be.below(1);
    expect(after.left).to.be.greaterThan(before.right - 1);
  });

  it('keeps the text so far when it is cancelled', async () => {
    app.engine.answers = ['A cat on grass.'];
    let tokens = 0;
    app.engine.before = (method) => {
      if (method === 'sample' && ++tokens === 3) app.training.pause();
    };
    button(element, 'Compare before / after').click();
    await stateWhere(app, ({ training }) => training.comparison?.status === 'failed', 'the cancelled comparison');
    await settled(element);
    expect(sides()).to.deep.equal(['A cat', '…']);
    expect(words(deep(element, '[role="alert"]'))).to.equal('Cancelled. The text so far was kept.');
  });

  it('marks tokens that training made more or less likely, in colour and in shape', async () => {
    app.engine.answers = ['A cat on grass.'];
    app.engine.moved = (word) => ({ ' cat': 0.5, ' grass.': -1.5, ' on': 0.05 })[word] ?? 0;
    button(element, 'Compare before / after').click();
    await done();
    await settled(element);
    const [before] = deepAll<MarginTokens>(element, 'margin-tokens');
    const tokens = deepAll(before, '.token');
    const kinds = tokens.map((token) => ['more', 'less'].filter((kind) => token.classList.contains(kind)).join());
    expect(kinds).to.deep.equal(['', 'more', '', 'less', '']);
    const [, cat, , grass] = tokens.map((token) => getComputedStyle(token));
    expect([cat.borderBottomStyle, grass.borderBottomStyle]).to.deep.equal(['solid', 'dashed']);
    const clear = getComputedStyle(tokens[0]).backgroundColor;
    expect(cat.backgroundColor).to.not.equal(clear);
    expect(grass.backgroundColor).to.not.equal(clear);
    expect(cat.borderBottomColor).to.not.equal(grass.borderBottomColor);
    await expectAccessible(element);
  });

  it('tells both log-probabilities of a token, to the keyboard as well', async () => {
    app.engine.answers = ['A cat on grass.'];
    app.engine.moved = () => 0.5;
    button(element, 'Compare before / after').click();
    await done();
    await settled(element);
    const [before] = deepAll<MarginTokens>(element, 'margin-tokens');
    const group = deep(before, '[role="group"]');
    expect(group.tabIndex).to.equal(0);
    expect(group.getAttribute('aria-label')).to.contain('Before (reference): what training changed');
    press('ArrowRight', group);
    await settled(before);
    const [policy, reference] = deepAll(before, '[role="status"] dd').map((each) => Number(each.textContent));
    expect(policy - reference).to.be.closeTo(0.5, 1e-3);
  });
});
