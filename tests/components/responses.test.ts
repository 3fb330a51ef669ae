import { expect } from '@esm-bundle/chai';
import '../../src/components/responses/margin-responses.ts';
import { clipShare } from '../../src/components/responses/margin-candidate.ts';
import { clipRangeOf, type MarginResponses } from '../../src/components/responses/margin-responses.ts';
import { tokenTint } from '../../src/components/theme.ts';
import { absentMentions, absentNouns, truthOf } from '../../src/preference/truth.ts';
import type { Scene } from '../../src/toybox/index.ts';
import { makeApp, makeAppWithDraft, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { fakeLogps, fakeTokens } from '../support/fake-engine.ts';
import { button, buttons, deep, deepAll, mount, press, settled, type, unmountAll } from '../support/mount.ts';

const CAT: Scene = { background: 'grass', objects: [{ noun: 'cat', style: 'noto', x: 10, y: 20, size: 52 }] };

const draw = (app: TestApp) => mount<MarginResponses>('margin-responses', { app });

describe('responses', () => {
  afterEach(unmountAll);

  it('says what to do before there is an image, and is accessible', async () => {
    const element = await draw(await makeApp());
    expect(button(element, 'Sample responses').disabled).to.equal(true);
    expect(deep(element, '.empty').textContent).to.contain('image');
    await expectAccessible(element);
  });

  it('says that the models are loading', async () => {
    const app = await makeApp({ ready: false });
    await app.intents.addImages([await plainPicture()]);
    const element = await draw(app);
    expect(deep(element, '.empty').textContent).to.contain('loading');
    expect(button(element, 'Sample responses').disabled).to.equal(true);
  });

  it('streams answers token by token, and cancels', async () => {
    const app = await makeApp();
    await app.intents.addImages([await plainPicture()]);
    const element = await draw(app);
    let release = () => {};
    let tokens = 0;
    app.engine.before = (method) => {
      tokens += method === 'sample' ? 1 : 0;
      return tokens === 4
        ? new Promise<void>((resolve) => {
            release = resolve;
          })
        : undefined;
    };
    button(element, 'Sample responses').click();
    await stateWhere(app, ({ candidates }) => candidates[0]?.tokens.length === 3, 'three tokens');
    await settled(element);
    expect(deepAll(element, '.token').map((token) => token.textContent)).to.deep.equal(['A', ' cat', ' on']);
    expect(deep(element, 'ol[role="list"]').getAttribute('aria-labelledby')).to.equal('candidates');
    await expectAccessible(element);
    button(element, 'Cancel').click();
    release();
    await stateWhere(app, ({ activity }) => activity === null, 'the end of sampling');
    await settled(element);
    expect(deepAll(element, 'margin-candidate')).to.have.length(1);
    expect(deep(element, 'margin-tokens').shadowRoot!.textContent).to.contain('A cat on');
    expect(button(element, 'Sample responses').disabled).to.equal(false);
  });

  it('shows scores, marks with aria-pressed, and adds the pair', async () => {
    const app = await makeApp();
    await app.intents.addImages([await plainPicture()]);
    await app.intents.sample();
    const element = await draw(app);
    expect(deepAll(element, '.clip')).to.have.length(4);
    expect(button(element, 'Add pair').disabled).to.equal(true);
    buttons(element, 'Mark chosen')[1].click();
    buttons(element, 'Mark rejected')[2].click();
    await settled(element);
    expect(buttons(element, 'Mark chosen').map((each) => each.getAttribute('aria-pressed'))).to.deep.equal([
      'false',
      'true',
      'false',
      'false',
    ]);
    expect(buttons(element, 'Mark rejected')[2].getAttribute('aria-pressed')).to.equal('true');
    await expectAccessible(element);
    button(element, 'Add pair').click();
    expect(app.store.state.pairs).to.have.length(1);
    expect(app.store.state.pairs[0]).to.include({
      chosen: app.engine.answers[1],
      rejected: app.engine.answers[2],
      verdict: 'preferred',
    });
    await settled(element);
    expect(buttons(element, 'Mark chosen')[1].getAttribute('aria-pressed')).to.equal('false');
  });

  it('takes a mark off when it is pressed again', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    buttons(element, 'Mark chosen')[0].click();
    expect(app.store.state.candidates[0].mark).to.equal(undefined);
  });

  it('ranks by CLIP in one press and sorts without renumbering', async () => {
    const app = await makeApp();
    await app.intents.addImages([await plainPicture()]);
    await app.intents.sample();
    const element = await draw(app);
    button(element, 'Mark by CLIP').click();
    const marks = app.store.state.candidates.map(({ mark }) => mark);
    expect(marks.filter(Boolean)).to.have.members(['chosen', 'rejected']);
    button(element, 'Sort by CLIP').click();
    await settled(element);
    expect(deepAll(element, '.ordinal').map((each) => each.textContent)).to.deep.equal(['2', '4', '1', '3']);
  });

  it('marks by the detector, which looks first where it has not, and names its errors beside "not seen"', async () => {
    const app = await makeApp();
    app.engine.sees = [{ noun: 'dog', chance: 0.9, boxes: [{ x1: 0, y1: 0, x2: 1, y2: 1, score: 0.9 }] }];
    app.engine.answers = ['A dog and a cat.', 'A dog.', 'A tree.'];
    await app.intents.addImages([await plainPicture()]);
    const element = await draw(app);
    expect(button(element, 'Mark by detector').disabled).to.equal(true);
    expect(button(element, 'Mark by detector').title).to.include('Two finished answers');
    expect(button(element, 'Mark by CLIP').title).to.include('Two answers with scores by CLIP');
    await app.intents.sample({ settings: { n: 3 } });
    await settled(element);
    expect(button(element, 'Mark by detector').title).to.include('by detector').and.to.include('5.0 % of right nouns');
    button(element, 'Mark by detector').click();
    await stateWhere(app, ({ candidates }) => candidates.some(({ mark }) => mark), 'the marks');
    expect(app.store.state.candidates.map(({ mark }) => mark)).to.deep.equal(['rejected', 'chosen', undefined]);
    await settled(element);
    const [absent] = deepAll(element, '.absent.small');
    expect(absent.textContent?.trim()).to.equal('not seen: cat');
    expect(absent.title).to.include('The detector says so.').and.to.include('10 % of wrong ones');
    // What lies outside its 80 classes is neither seen nor not seen.
    expect(deepAll(element, '.absent.small')).to.have.length(1);
    const cat = deepAll(element, '.token').find((token) => token.textContent?.includes('cat'))!;
    cat.dispatchEvent(new PointerEvent('pointerenter'));
    await settled(element);
    expect(deep(element, '.tip').textContent).to.include('not seen');
    await expectAccessible(element);
  });

  it('marks by the truth of a scene, which has no errors to name', async () => {
    const app = await makeApp();
    app.engine.answers = ['A cat and a dog.', 'A cat.'];
    await app.intents.addScene(CAT);
    await app.intents.sample({ settings: { n: 2 } });
    const element = await draw(app);
    button(element, 'Mark by truth').click();
    expect(app.store.state.candidates.map(({ mark }) => mark)).to.deep.equal(['rejected', 'chosen']);
    expect(deep(element, '.absent.small').textContent?.trim()).to.equal('not in the picture: dog');
    expect(deep(element, '.absent.small').title).to.equal('');
    expect(button(element, 'Mark by truth').title).to.not.include('rror');
  });

  it('edits in place with Enter, gives up with Escape', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    button(element, 'Edit answer').click();
    await settled(element);
    type(deep<HTMLTextAreaElement>(deep(element, 'margin-candidate'), 'textarea'), 'A small cat.');
    press('Enter', deep(deep(element, 'margin-candidate'), 'textarea'));
    expect(app.store.state.candidates[0]).to.include({ text: 'A small cat.', source: 'edited' });
    await settled(element);
    button(element, 'Edit answer').click();
    await settled(element);
    type(deep<HTMLTextAreaElement>(deep(element, 'margin-candidate'), 'textarea'), 'Something else');
    press('Escape', deep(deep(element, 'margin-candidate'), 'textarea'));
    expect(app.store.state.candidates[0].text).to.equal('A small cat.');
  });

  it('takes an answer of one’s own, and removes one', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    button(element, 'Write your own').click();
    await settled(element);
    type(deep<HTMLInputElement>(element, 'form input'), 'My own words.');
    deep<HTMLFormElement>(element, 'form').requestSubmit();
    expect(app.store.state.candidates.at(-1)).to.include({ text: 'My own words.', source: 'written' });
    button(element, 'Remove answer').click();
    expect(app.store.state.candidates).to.have.length(4);
  });

  it('shows a token’s numbers on hover and by arrow keys', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    const token = deepAll(element, '.token')[1];
    token.dispatchEvent(new PointerEvent('pointerenter'));
    await settled(element);
    const [expected] = fakeTokens(' cat');
    expect(deep(element, '.tip').textContent).to.contain(expected.logp.toFixed(4)).and.to.contain('entropy');
    const group = deep(deep(element, 'margin-tokens'), '[role="group"]');
    group.dispatchEvent(new FocusEvent('blur'));
    press('ArrowRight', group);
    press('ArrowRight', group);
    await settled(element);
    expect(deep(element, '.tip').textContent).to.contain('␣cat');
    press('Escape', group);
    await settled(element);
    expect(deepAll(element, '.tip')).to.have.length(0);
  });

  it('shows the reference beside the policy for the tokens that both have', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    const [first] = app.store.state.candidates;
    const scores = fakeLogps(first.text);
    const tokens = scores.tokens.map((token, i) => ({ ...token, logp: -0.5, id: i < 2 ? token.id : 99 }));
    app.store.update((state) => ({
      ...state,
      candidates: state.candidates.map((each) =>
        each.id === first.id ? { ...each, reference: { ...scores, tokens } } : each,
      ),
    }));
    await settled(element);
    const point = async (i: number) => {
      deepAll(element, '.token')[i].dispatchEvent(new PointerEvent('pointerenter'));
      await settled(element);
      return deep(element, '.tip').textContent!;
    };
    expect(await point(1))
      .to.contain('reference')
      .and.to.contain('-0.5000')
      .and.to.contain(first.tokens[1].logp.toFixed(4));
    expect(await point(2)).not.to.contain('reference');
  });

  it('marks what a scene does not hold', async () => {
    const app = await makeApp();
    await app.intents.addScene(CAT);
    await app.intents.sample();
    const element = await draw(app);
    const second = deepAll(element, 'margin-candidate')[1];
    expect(second.shadowRoot!.textContent).to.contain('not in the picture: ball of yarn');
    expect(deepAll(second, '.absent').map((each) => each.textContent!.trim())).to.include.members([
      'ball',
      'of',
      'yarn',
    ]);
    expect(deepAll(element, 'margin-candidate')[0].shadowRoot!.textContent).not.to.contain('not in the picture');
  });

  it('keeps the fields inside their ranges', async () => {
    const app = await makeApp();
    const element = await draw(app);
    const [n, temperature] = deepAll<HTMLInputElement>(deep(element, 'margin-sampling'), 'input');
    type(n, '99', 'change');
    type(temperature, '0', 'change');
    await settled(element);
    expect(app.store.state.settings).to.include({ n: 16, temperature: 0 });
    expect(n.value).to.equal('16');
    type(n, '', 'change');
    expect(n.value).to.equal('16');
  });

  it('shows why an answer could not be scored', async () => {
    const app = await makeApp();
    await app.intents.addImages([await plainPicture()]);
    app.engine.before = (method) => {
      if (method === 'clipScore') throw new Error('CLIP said no.');
    };
    await app.intents.sample();
    const element = await draw(app);
    expect(deep(deep(element, 'margin-candidate'), '[role="alert"]').textContent).to.contain('CLIP said no.');
    await expectAccessible(element);
  });

  it('is accessible in the dark', async () => {
    document.documentElement.dataset.theme = 'dark';
    await expectAccessible(await draw(await makeAppWithDraft()));
  });
});

describe('response helpers', () => {
  it('leaves out nouns that the prompt brings up', () => {
    expect(
      absentNouns(absentMentions('No, there is no dog.', truthOf({ scene: CAT }), 'Is there a dog?')),
    ).to.deep.equal([]);
    expect(
      absentNouns(absentMentions('A cat, a dog and two dogs.', truthOf({ scene: CAT }), 'Describe the image.')),
    ).to.deep.equal(['dog']);
    expect(absentMentions('A dog.', undefined, '')).to.deep.equal([]);
  });

  it('spans the CLIP bar over the answers on the table', () => {
    expect(clipShare(0.2, { min: 0.2, max: 0.4 })).to.be.closeTo(0.08, 1e-9);
    expect(clipShare(0.4, { min: 0.2, max: 0.4 })).to.be.closeTo(1, 1e-9);
    expect(clipShare(0.3, { min: 0.3, max: 0.3 })).to.equal(1);
    expect(clipRangeOf([])).to.deep.equal({ min: 0, max: 1 });
  });

  it('tints tokens by log-probability, no further than the floor', () => {
    expect(tokenTint(0)).to.contain('* 0.000)');
    expect(tokenTint(-3)).to.contain('* 0.500)');
    expect(tokenTint(-60)).to.contain('* 1.000)');
  });
});
