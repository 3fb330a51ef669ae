import { expect } from '@esm-bundle/chai';
import { diffWords } from '../../src/components/pairs/diff.ts';
import '../../src/components/pairs/margin-pairs.ts';
import type { MarginPairs } from '../../src/components/pairs/margin-pairs.ts';
import { pointersOf } from '../../src/components/shared/pointed.ts';
import { PAIR_CANDIDATES } from '../../src/preference/judged-pairs.ts';
import { makeApp, makeAppWithDraft, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, buttons, deep, deepAll, frames, mount, press, settled, unmountAll } from '../support/mount.ts';
import { random as seeded } from '../support/random.ts';
import { until } from '../support/until.ts';

describe('diffWords', () => {
  const changed = (parts: { text: string; changed: boolean }[]) =>
    parts.filter((part) => part.changed).map(({ text }) => text.trim());

  it('marks the words that only one text has', () => {
    const { first, second } = diffWords('A cat on the grass.', 'A cat and a ball of yarn on the grass.');
    expect(changed(first)).to.deep.equal([]);
    expect(changed(second)).to.deep.equal(['and a ball of yarn']);
  });

  it('does not mind case and punctuation', () => {
    const { first, second } = diffWords('There is a cat.', 'there is a cat, asleep');
    expect(changed(first)).to.deep.equal([]);
    expect(changed(second)).to.deep.equal(['asleep']);
  });

  it('gives both texts back exactly', () => {
    const random = seeded(4);
    const words = ['a', ' b', '  c', '\nd', ' e.', ' 猫'];
    for (let trial = 0; trial < 100; trial++) {
      const text = () => Array.from({ length: random.int(12) }, () => words[random.int(words.length)]).join('');
      const [a, b] = [text(), `${text()} `];
      const { first, second } = diffWords(a, b);
      expect(first.map((part) => part.text).join('')).to.equal(a);
      expect(second.map((part) => part.text).join('')).to.equal(b);
    }
  });
});

describe('margin-pairs', () => {
  afterEach(unmountAll);

  async function mountPairs(): Promise<{ app: TestApp; element: MarginPairs; id: string }> {
    const app = await makeAppWithDraft();
    app.intents.setSetting('objective', 'simpo');
    const id = app.intents.addPair()!;
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    const element = await mount<MarginPairs>('margin-pairs', { app });
    await frames(element);
    return { app, element, id };
  }

  const rows = (element: MarginPairs) => deepAll(element, 'margin-pair');
  const textOf = (element: Element, selector: string) =>
    deep(element, selector).textContent?.replace(/\s+/g, ' ').trim() ?? '';

  it('teaches what a pair is while there is none', async () => {
    const app = await makeApp();
    const element = await mount<MarginPairs>('margin-pairs', { app });
    expect(textOf(element, '.empty')).to.include('this answer is better than that one');
    expect(button(element, 'Export pairs').disabled).to.equal(true);
    await expectAccessible(element);
    app.dispose();
  });

  it('shows prompt, both answers with the words that differ, and the numbers', async () => {
    const { app, element, id } = await mountPairs();
    expect(textOf(element, '.prompt')).to.equal('Describe the image.');
    expect(textOf(element, 'p.chosen')).to.include('chosen').and.to.include('A cat on the grass.');
    expect(textOf(element, 'p.rejected')).to.include('rejected');
    expect(textOf(element, 'p.rejected mark')).to.equal('and a ball of yarn');
    const values = app.evaluation.of(id)!;
    expect(textOf(element, 'dl.numbers')).to.include(values.loss.toFixed(4));
    const right = values.rewards.chosen > values.rewards.rejected;
    expect(textOf(element, 'dl.numbers')).to.include(right ? '1 ✓' : '0 ✗');
    await expectAccessible(element);
    app.dispose();
  });

  it('follows a slider', async () => {
    const { app, element } = await mountPairs();
    const before = textOf(element, 'dl.numbers');
    app.intents.setHyperparameter('simpo', 'beta', 9);
    await frames(element, 4);
    expect(textOf(element, 'dl.numbers')).to.not.equal(before);
    app.dispose();
  });

  it('edits in place; Escape keeps the old text', async () => {
    const { app, element } = await mountPairs();
    button(element, 'Edit pair 1').click();
    await settled(element);
    const field = deep<HTMLTextAreaElement>(element, 'textarea[name=chosen]');
    await expectAccessible(element);
    field.value = 'Changed.';
    press('Escape', field);
    await settled(element);
    expect(app.store.state.pairs[0].chosen).to.equal('A cat on the grass.');
    button(element, 'Edit pair 1').click();
    await settled(element);
    const again = deep<HTMLTextAreaElement>(element, 'textarea[name=chosen]');
    expect(again.value).to.equal('A cat on the grass.');
    again.value = 'Changed.';
    press('Enter', again, { ctrlKey: true });
    await settled(element);
    expect(app.store.state.pairs[0].chosen).to.equal('Changed.');
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores of the new text');
    app.dispose();
  });

  it('swaps and deletes; undo brings back', async () => {
    const { app, element } = await mountPairs();
    button(element, 'Swap pair 1').click();
    await settled(element);
    expect(textOf(element, 'p.rejected')).to.include('A cat on the grass.');
    button(element, 'Delete pair 1').click();
    await settled(element);
    expect(rows(element)).to.have.length(0);
    app.intents.undo();
    await settled(element);
    expect(rows(element)).to.have.length(1);
    app.dispose();
  });

  it('selects by press, by arrow and by pointing, and deletes by key', async () => {
    const { app, element } = await mountPairs();
    const imageId = app.store.state.images[0].id;
    const second = app.intents.addPairOf({ imageId, prompt: 'Q', chosen: 'a', rejected: 'b' });
    await settled(element);
    const selects = () => deepAll<HTMLButtonElement>(element, '.select');
    expect(selects()[1].getAttribute('aria-pressed')).to.equal('true');
    selects()[1].focus();
    press('ArrowUp', selects()[1]);
    await settled(element);
    expect(app.store.state.selectedPair).to.equal(app.store.state.pairs[0].id);
    expect(rows(element)[0].hasAttribute('selected')).to.equal(true);
    deepAll(element, 'li')[1].dispatchEvent(new PointerEvent('pointerenter'));
    await settled(element);
    expect(pointersOf(app).pair.id).to.equal(second);
    expect(rows(element)[1].hasAttribute('pointed')).to.equal(true);
    selects()[1].focus();
    press('Delete', selects()[1]);
    expect(app.store.state.pairs.map(({ id }) => id)).to.not.include(second);
    app.dispose();
  });

  it('shows ties as ties', async () => {
    const app = await makeAppWithDraft();
    app.intents.tie();
    const element = await mount<MarginPairs>('margin-pairs', { app });
    expect(textOf(element, '[role=status]')).to.equal('0 pairs, 1 tie');
    expect(textOf(element, '.numbers')).to.include('A tie');
    expect(textOf(element, '.side')).to.include('tie');
    expect(button(element, 'Export pairs').disabled).to.equal(true);
    await expectAccessible(element);
    app.dispose();
  });

  it('says why a pair has no scores, and scores it again', async () => {
    const app = await makeAppWithDraft();
    app.engine.before = (method) => {
      if (method === 'pairLogps') throw new Error('The answer is too long.');
    };
    app.intents.addPair();
    const element = await mount<MarginPairs>('margin-pairs', { app });
    await stateWhere(app, ({ pairs }) => pairs[0].error !== undefined, 'the error');
    await settled(element);
    expect(textOf(element, '[role=alert]')).to.include('The answer is too long.');
    app.engine.before = () => {};
    button(element, 'Try again').click();
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
    app.dispose();
  });

  it('has CLIP make a pair of every image in one press', async () => {
    const app = await makeApp();
    const element = await mount<MarginPairs>('margin-pairs', { app });
    expect(button(element, 'Pair all by CLIP').disabled).to.equal(true);
    expect(button(element, 'Pair all by CLIP').title).to.include('Add images');
    await app.intents.addImages([await plainPicture(), await plainPicture([30, 30, 200], 'blue.png')]);
    await settled(element);
    button(element, 'Pair all by CLIP').click();
    await stateWhere(app, ({ pairs, activity }) => pairs.length === 2 && !activity, 'a pair of each image');
    expect(app.engine.callsOf('sample')[0]).to.include({ n: PAIR_CANDIDATES, temperature: 1 });
    expect(app.store.state.pairs.every(({ clip }) => clip!.chosen > clip!.rejected)).to.equal(true);
    app.dispose();
  });

  it('has the detector make a pair of every photograph in one press', async () => {
    const app = await makeApp();
    app.engine.sees = [{ noun: 'dog', chance: 0.9, boxes: [{ x1: 0, y1: 0, x2: 1, y2: 1, score: 0.9 }] }];
    app.engine.answers = ['A dog and a cat.', 'A dog.'];
    const element = await mount<MarginPairs>('margin-pairs', { app });
    await app.intents.addImages([await plainPicture(), await plainPicture([30, 30, 200], 'blue.png')]);
    await stateWhere(app, ({ images }) => images.every(({ seen }) => seen), 'the detector to look');
    await settled(element);
    expect(button(element, 'Pair all by detector').title).to.include('2 images').and.to.include('5.0 % of right nouns');
    button(element, 'Pair all by detector').click();
    await stateWhere(app, ({ pairs, activity }) => pairs.length === 2 && !activity, 'a pair of each image');
    expect(app.store.state.pairs.map(({ chosen }) => chosen)).to.deep.equal(['A dog.', 'A dog.']);
    await stateWhere(app, ({ pairs }) => pairs.every(({ clip }) => clip), 'CLIP scores of the pairs');
    await expectAccessible(element);
    app.dispose();
  });

  it('draws hundreds of pairs, and redraws only what changed', async () => {
    const app = await makeApp({ ready: false });
    await app.intents.addImages([await plainPicture()]);
    const imageId = app.store.state.images[0].id;
    app.store.update((state) => ({
      ...state,
      pairs: Array.from({ length: 400 }, (_, i) => ({
        id: `pair-${i}`,
        imageId,
        prompt: 'Describe the image.',
        chosen: `A cat ${i} on the grass.`,
        rejected: `A dog ${i} on the grass.`,
        verdict: 'preferred' as const,
      })),
    }));
    const element = await mount<MarginPairs>('margin-pairs', { app });
    expect(rows(element)).to.have.length(400);
    const first = rows(element)[0] as HTMLElement & { performUpdate(): void };
    let redraws = 0;
    first.performUpdate = () => {
      redraws += 1;
    };
    app.intents.editPair('pair-399', { chosen: 'Changed.' });
    await settled(element);
    expect(redraws).to.equal(0);
    expect(textOf(rows(element)[399], 'p.chosen')).to.include('Changed.');
    app.dispose();
  });

  it('exports and imports through files', async () => {
    const { app, element } = await mountPairs();
    const names: string[] = [];
    const click = HTMLAnchorElement.prototype.click;
    HTMLAnchorElement.prototype.click = function (this: HTMLAnchorElement) {
      names.push(this.download);
    };
    buttons(element, 'Export pairs')[0].click();
    buttons(element, 'Export workspace')[0].click();
    await until(() => names.length === 2, 'both files');
    HTMLAnchorElement.prototype.click = click;
    expect(names.sort()).to.deep.equal(['margin-pairs.jsonl', 'margin-workspace.zip']);
    const file = new File([await app.intents.exportWorkspace()], 'margin-workspace.zip');
    app.intents.deletePair(app.store.state.pairs[0].id);
    const input = deep<HTMLInputElement>(element, 'input[type=file]');
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event('change'));
    await stateWhere(app, ({ pairs }) => pairs.length === 1, 'the imported pair');
    app.dispose();
  });

  it('shows scores where the objective looks at them, and takes a person’s', async () => {
    const { app, element, id } = await mountPairs();
    expect(deepAll(element, 'margin-pair-scores')).to.have.length(0);
    app.intents.setSetting('objective', 'mm_dpo_paper');
    await frames(element);
    const pair = () => app.store.state.pairs.find((each) => each.id === id)!;
    const scores = deep(element, 'margin-pair-scores');
    const shown = () => deepAll(scores, 'output').map((output) => output.textContent);
    expect(textOf(scores, 'span')).to.equal('CLIP × 100');
    expect(shown()).to.deep.equal([pair().clip!.chosen, pair().clip!.rejected].map((each) => (100 * each).toFixed(1)));
    const loss = () => textOf(element, '.numbers dd');
    const before = loss();
    const slider = deep<HTMLInputElement>(scores, 'input[aria-label="Score of the chosen answer of pair 1"]');
    slider.value = '7';
    slider.dispatchEvent(new Event('input'));
    await frames(element);
    expect(pair().given!.chosen).to.equal(7);
    expect(textOf(scores, 'span')).to.equal('scores by hand');
    // Policy and reference are one, so the loss is ln 2 whatever β: the margin shows nothing either, but nothing fails.
    expect(loss()).to.equal(before);
    await expectAccessible(element);
    button(scores, 'Reset scores of pair 1').click();
    await frames(element);
    expect(pair().given).to.equal(undefined);
    expect(textOf(scores, 'span')).to.equal('CLIP × 100');
  });
});
