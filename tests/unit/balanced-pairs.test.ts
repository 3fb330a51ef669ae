import { expect } from '@esm-bundle/chai';
import { balancedPairs } from '../../src/preference/balanced-pairs.ts';
import { type JudgedPair, judgedPairs } from '../../src/preference/judged-pairs.ts';
import { differenceOf, thingsBeyond, thingsIn } from '../../src/preference/things.ts';

describe('things an answer names', () => {
  it('are what an article or a number introduces', () => {
    expect(thingsIn('Two cats, a ball of yarn and an owl.')).to.deep.equal(['cats', 'ball of yarn', 'owl']);
    expect(thingsIn('A man riding a wave on a surfboard while two dogs watch.')).to.deep.equal([
      'man riding',
      'wave',
      'dogs watch',
    ]);
    expect(thingsIn('')).to.deep.equal([]);
    expect(thingsIn('Dogs, an')).to.deep.equal([]);
  });

  it('are neither the picture itself, nor a place, nor what was named before', () => {
    expect(thingsIn('This is a picture of a cat. The cat is left of the dog.')).to.deep.equal(['cat']);
    expect(thingsIn('In front of a pink wall, there is a hat on a wooden table.')).to.deep.equal(['hat']);
    expect(thingsIn('Against a blue sky, there is a person beside a moon.')).to.deep.equal(['person', 'moon']);
    expect(differenceOf('A hat at night.', 'A hat on a table.')).to.equal('none');
  });

  it('tell how one answer differs from another, repeats included', () => {
    expect(differenceOf('A cat on the grass.', 'I can see a cat.')).to.equal('none');
    expect(differenceOf('A cat.', 'A cat and a hat.')).to.equal('adds');
    expect(differenceOf('A cat and a hat.', 'A cat.')).to.equal('omits');
    expect(differenceOf('A cat and a hat.', 'A cat and a bat.')).to.equal('swaps');
    expect(differenceOf('A cat.', 'Two cats.')).to.equal('swaps');
    expect(thingsBeyond('A cat, a cat and a hat.', 'A cat.')).to.deep.equal(['cat', 'hat']);
  });
});

describe('pairs for training', () => {
  /** A picture that offers one pair of each of these differences; every pair is about things of its own. */
  const picture = (id: number, worths: Partial<Record<JudgedPair['difference'], number>>, thing = `thing${id}`) => ({
    id,
    pairs: Object.entries(worths).map(([difference, worth]): JudgedPair => {
      const texts = {
        adds: ['A cat.', `A cat and a ${thing}.`],
        omits: [`A cat and a ${thing}.`, 'A cat.'],
        swaps: ['A cat and a bat.', `A cat and a ${thing}.`],
        none: ['A cat.', 'I can see a cat.'],
      }[difference as JudgedPair['difference']];
      const [chosen, rejected] = texts.map((text, i) => ({ text, score: 1 - i }));
      return { chosen, rejected, difference: difference as JudgedPair['difference'], worth };
    }),
  });
  const countOf = (kept: readonly { pair: JudgedPair }[], difference: string) =>
    kept.filter(({ pair }) => pair.difference === difference).length;

  it('mix two swaps with one addition, however much more the additions are worth, and omit where chosen falls behind', () => {
    const pictures = Array.from({ length: 100 }, (_, id) => picture(id, { adds: 9, swaps: 1, omits: 0.5, none: 20 }));
    const kept = balancedPairs(pictures, 40);
    expect(['swaps', 'adds', 'omits', 'none'].map((each) => countOf(kept, each))).to.deep.equal([26, 13, 1, 0]);
    // Additions of three things put the chosen answers further behind, so more omissions come in.
    const three = pictures.map((each) => ({
      ...each,
      pairs: each.pairs.map((pair) =>
        pair.difference === 'adds'
          ? { ...pair, rejected: { ...pair.rejected, text: `A cat, a b${each.id}, a c${each.id} and a d${each.id}.` } }
          : pair,
      ),
    }));
    const more = balancedPairs(three, 40);
    const named = (text: string) => thingsIn(text).length;
    const behind = more.reduce((sum, { pair }) => sum + named(pair.rejected.text) - named(pair.chosen.text), 0);
    expect(countOf(more, 'omits')).to.be.greaterThan(10);
    expect(behind / more.length).to.be.closeTo(0.3, 0.1);
  });

  it('are the worthiest of their difference, one of a picture, in the order of the pictures', () => {
    const pictures = [0.1, 0.9, 0.3, 0.7].map((swaps, id) => picture(id, { swaps, adds: swaps }));
    expect(balancedPairs(pictures, 2).map(({ id }) => id)).to.deep.equal([1, 3]);
    expect(balancedPairs(pictures, 9)).to.have.length(4);
    expect(balancedPairs(pictures, 0)).to.deep.equal([]);
    expect(balancedPairs([], 5)).to.deep.equal([]);
  });

  it('are about many things: what decided three pairs already waits until the rest is taken', () => {
    const pictures = Array.from({ length: 6 }, (_, id) => picture(id, { adds: 6 - id }, id < 5 ? 'yarn' : 'bone'));
    expect(balancedPairs(pictures, 4).map(({ id }) => id)).to.deep.equal([0, 1, 2, 5]);
    expect(balancedPairs(pictures, 6)).to.have.length(6);
  });

  it('come from every picture while there are few, the mere wordings last', () => {
    const pictures = [picture(0, { none: 5 }), picture(1, { adds: 1 }), picture(2, { adds: 0.5, none: 9 })];
    const kept = balancedPairs(pictures, 3);
    expect(kept.map(({ pair }) => pair.difference)).to.deep.equal(['none', 'adds', 'adds']);
    expect(balancedPairs(pictures, 2).map(({ id }) => id)).to.deep.equal([1, 2]);
  });

  it('take what judgedPairs makes of answers', () => {
    const pairs = judgedPairs([
      { text: 'A cat and a dog.', score: 0.9 },
      { text: 'A cat and a cow.', score: 0.2 },
    ]);
    expect(balancedPairs([{ pairs }], 1)[0].pair).to.equal(pairs[0]);
  });
});
