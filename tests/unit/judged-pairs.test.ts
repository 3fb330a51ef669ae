import { expect } from '@esm-bundle/chai';
import type { SampleRequest } from '../../src/engine/engine.ts';
import { judgedPairs, sampleJudgedPairs, wordOverlap } from '../../src/preference/judged-pairs.ts';
import { JUDGES } from '../../src/preference/judges.ts';
import { FakeEngine, fakeClip } from '../support/fake-engine.ts';

const answers = (...list: [text: string, score: number][]) => list.map(([text, score]) => ({ text, score }));

const request: SampleRequest = {
  image: { id: 'a', blob: new Blob() },
  prompt: 'What?',
  n: 4,
  temperature: 1,
  topP: 1,
  maxTokens: 48,
  seed: 1,
};

/** No judge of these tests asks what is in the picture. */
const truth = () => Promise.reject(new Error('nobody should have asked'));
const byClip = (engine: FakeEngine, asked: SampleRequest) => sampleJudgedPairs(JUDGES.clip, { engine, truth }, asked);

describe('pairs by a judge', () => {
  it('share words in their order, whatever case and punctuation', () => {
    expect(wordOverlap('A cat, a dog.', 'a cat and a dog')).to.be.closeTo(8 / 9, 1e-12);
    expect(wordOverlap('a cat', 'cat a')).to.equal(0.5);
    expect(wordOverlap('a cat', 'two dogs')).to.equal(0);
    expect(wordOverlap('', '')).to.equal(1);
  });

  it('prefer two answers that differ in what is seen to two that differ in everything', () => {
    const [pair] = judgedPairs(
      answers(
        ['A cat and an old hat on the grass.', 0.8],
        ['I can see a fish.', 0.3],
        ['A cat and a bat on the grass.', 0.4],
      ),
    );
    expect(pair.chosen.text).to.equal('A cat and an old hat on the grass.');
    expect(pair.rejected.text).to.equal('A cat and a bat on the grass.');
    expect(pair.difference).to.equal('swaps');
  });

  it('are the best of each difference, those that only word it otherwise last', () => {
    const list = answers(['A cat.', 0.6], ['A cat and a hat.', 0.3], ['One cat here.', 0.9], ['I can see a cat.', 0.5]);
    const found = judgedPairs(list).map(({ difference, chosen, rejected }) => [difference, chosen.text, rejected.text]);
    expect(found).to.deep.equal([
      ['adds', 'A cat.', 'A cat and a hat.'],
      ['swaps', 'One cat here.', 'A cat.'],
      ['none', 'A cat.', 'I can see a cat.'],
    ]);
    const [omitted] = judgedPairs(answers(['A cat and a hat.', 0.9], ['A cat.', 0.2]));
    expect(omitted).to.include({ difference: 'omits' });
  });

  it('have the wider gap among answers that are equally alike, and keep what the answers bring along', () => {
    const [best, middle, worst] = answers(['A cat.', 0.8], ['A bat.', 0.6], ['A hat.', 0.1]).map((each, id) => ({
      ...each,
      id,
    }));
    expect(judgedPairs([middle, worst, best])).to.have.length(1);
    expect(judgedPairs([middle, worst, best])[0]).to.include({ chosen: best, rejected: worst });
  });

  it('need two answers that the judge tells apart', () => {
    expect(judgedPairs([])).to.deep.equal([]);
    expect(judgedPairs(answers(['A cat.', 0.5]))).to.deep.equal([]);
    expect(judgedPairs(answers(['A cat.', 0.5], ['A dog.', 0.5]))).to.deep.equal([]);
  });

  it('are made of answers that came to an end, each counted once', async () => {
    const engine = new FakeEngine();
    engine.answers = ['A cat.', 'A cat.', ' ', 'A cow.'];
    expect(await byClip(engine, request)).to.deep.equal([]); // equally long texts score alike
    expect(engine.callsOf('clipScore')).to.deep.equal([{ image: request.image, texts: ['A cat.', 'A cow.'] }]);
    engine.answers = ['A cat.', 'A crow.', 'A cat and a crow on the grass.'];
    expect((await byClip(engine, { ...request, n: 2 }))[0]).to.deep.include({
      chosen: { text: 'A crow.', score: fakeClip('A crow.') },
      rejected: { text: 'A cat.', score: fakeClip('A cat.') },
    });
    engine.answers = ['A cat.'];
    expect(await byClip(engine, request)).to.deep.equal([]);
  });
});
