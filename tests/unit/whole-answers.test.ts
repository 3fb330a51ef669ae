import { expect } from '@esm-bundle/chai';
import { wholeAnswers } from '../../src/preference/judged-pairs.ts';
import { cutWords } from '../../src/state/selectors.ts';
import type { CandidateRecord } from '../../src/state/state.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';

const lastNotice = (app: TestApp) => app.store.state.notices.at(-1)?.message ?? '';
const marks = (app: TestApp) => app.store.state.candidates.map(({ mark }) => mark);

/** Four answers, of which those longer than `maxTokens` are cut. */
async function sampled(answers: readonly string[], maxTokens: number): Promise<TestApp> {
  const app = await makeApp();
  await app.intents.addImages([await plainPicture()]);
  app.engine.answers = [...answers];
  await app.intents.sample({ settings: { n: answers.length, maxTokens } });
  return app;
}

describe('answers that CLIP may mark', () => {
  it('ended by themselves, are not empty, and differ', () => {
    const answers = [
      { text: 'A cat.', finish: 'stop' },
      { text: ' A cat. ', finish: 'stop' },
      { text: 'A cat and a', finish: 'length' },
      { text: 'A dog', finish: 'cancelled' },
      { text: ' ', finish: 'stop' },
      { text: 'A dog.', finish: 'stop' },
      { text: 'Not scored yet.' },
    ] as const;
    expect(wholeAnswers(answers).map(({ text }) => text)).to.deep.equal(['A cat.', 'A dog.']);
  });

  it('are the same for one table as for all pictures: one cut at max tokens is not marked', async () => {
    // The fake CLIP likes long answers, so the cut one would be chosen.
    const app = await sampled(['A cat on the grass.', 'A dish of red strawberries and a bowl', 'A dog.', 'A sun.'], 6);
    const [, cut] = app.store.state.candidates;
    expect(cut).to.include({ finish: 'length', text: 'A dish of red strawberries and' });
    app.intents.rankBy('clip');
    expect(marks(app)).to.deep.equal(['chosen', undefined, 'rejected', undefined]);
    await app.intents.pairBy('clip', { settings: { n: 4, maxTokens: 6 } });
    expect(app.store.state.pairs.map(({ chosen, rejected }) => [chosen, rejected])).to.deep.equal([
      ['A cat on the grass.', 'A dog.'],
    ]);
    app.dispose();
  });

  it('are none where all were cut, and the notice says what to do', async () => {
    const app = await sampled(['A cat on the grass.', 'A dish of red strawberries.'], 3);
    app.intents.rankBy('clip');
    expect(marks(app)).to.deep.equal([undefined, undefined]);
    expect(lastNotice(app)).to.include('2 answers did not come to an end').and.to.include('Max tokens');
    app.dispose();
  });

  it('are none where both say the same', async () => {
    const app = await sampled(['A cat.', 'A cat.'], 48);
    app.intents.rankBy('clip');
    expect(marks(app)).to.deep.equal([undefined, undefined]);
    app.dispose();
  });
});

describe('a cut answer', () => {
  it('says where it was cut', () => {
    const tokens = Array.from({ length: 3 }, (_, id) => ({ id, text: 'a', logp: -1, entropy: 1, top1: 1 }));
    const of = (fields: Partial<CandidateRecord>) => cutWords({ source: 'sampled', tokens, ...fields });
    expect(of({ finish: 'length' })).to.equal('cut off at 3 tokens');
    expect(of({ finish: 'cancelled', tokens: tokens.slice(2) })).to.equal('cancelled after 1 token');
    expect(of({ finish: 'stop' })).to.equal(null);
    expect(of({ finish: 'stop', source: 'edited' })).to.equal(null);
  });

  it('can be marked by hand, and adding it says what training makes of it', async () => {
    const app = await sampled(['A cat on the grass.', 'A dog.'], 3);
    const [cut, whole] = app.store.state.candidates;
    app.intents.markChosen(cut.id);
    app.intents.markRejected(whole.id);
    expect(app.intents.addPair()).to.not.equal(null);
    expect(lastNotice(app)).to.include('the chosen answer was cut off at 3 tokens').and.to.include('end token');
    app.dispose();
  });

  it('stays cut when another model scores it, and is whole once a person edited it', async () => {
    const app = await sampled(['A cat on the grass.', 'A dog.'], 3);
    const first = () => app.store.state.candidates[0];
    app.intents.setSetting('vlm', 'smolvlm-256m');
    await stateWhere(
      app,
      ({ candidates }) => candidates.every(({ status, tokens }) => status === 'ready' && tokens.length > 0),
      'scores of the other model',
    );
    expect(first().finish).to.equal('length');
    app.intents.editCandidate(first().id, 'A cat on the mat.');
    await stateWhere(app, ({ candidates }) => candidates[0].finish === 'stop', 'the edited answer');
    expect(cutWords(first())).to.equal(null);
    app.dispose();
  });
});
