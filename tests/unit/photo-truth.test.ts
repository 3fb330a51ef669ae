import { expect } from '@esm-bundle/chai';
import { locatePhotoMentions, PHOTO_NOUNS, pluralOf } from '../../src/photographs/index.ts';
import { absentMentions, absentNouns, truthOf } from '../../src/preference/truth.ts';
import { bundledFiles, golden } from '../support/bundled.ts';

const SEEN = {
  by: 'photo-detector',
  things: [
    { noun: 'dog', chance: 0.97, boxes: [{ x1: 0.1, y1: 0.1, x2: 0.4, y2: 0.6, score: 0.8 }] },
    { noun: 'cup', chance: 0.55, boxes: [] },
  ],
};

describe('words for photographs', () => {
  it('finds the classes that the recipe finds', async () => {
    const { mentions } = await golden<{ mentions: { text: string; nouns: string[] }[] }>('photo/golden.json');
    expect(mentions.length).to.be.at.least(30);
    for (const { text, nouns } of mentions) {
      expect(
        locatePhotoMentions(text).map(({ noun }) => noun),
        text,
      ).to.deep.equal(nouns);
    }
  });

  it('knows the list of the detector that is shipped', async () => {
    const files = await bundledFiles('photo-detector', 'detector');
    const { labels, nouns } = files.json<{ labels: string[]; nouns: Record<string, string[]> }>('config');
    expect(PHOTO_NOUNS.map(({ noun }) => noun)).to.deep.equal(labels);
    for (const { noun, synonyms } of PHOTO_NOUNS) expect(synonyms, noun).to.deep.equal(nouns[noun]);
  });

  it('says where a mention stands', () => {
    const text = '🍕 Two men, a toy bear and tennis rackets.';
    expect(locatePhotoMentions(text).map(({ start, end }) => text.slice(start, end))).to.deep.equal([
      'men',
      'toy bear',
      'tennis rackets',
    ]);
  });

  it('makes plurals', () => {
    expect(['knife', 'bus', 'puppy', 'wine glass', 'toy', 'skis'].map(pluralOf)).to.deep.equal([
      'knives',
      'buses',
      'puppies',
      'wine glasses',
      'toys',
      'skis',
    ]);
  });
});

describe('the truth of a photograph', () => {
  const truth = truthOf({ seen: SEEN });

  it('is what the detector saw; what it doubts counts neither way', () => {
    expect(truth).to.deep.equal({ by: 'detector', objects: ['dog'], doubtful: ['cup'] });
    const absent = absentNouns(absentMentions('A dog, a cat, two kittens, a cup and a tree.', truth, 'Describe it.'));
    expect(absent).to.deep.equal(['cat']);
  });

  it('leaves out what the question brings up', () => {
    expect(absentMentions('No, there is no cat.', truth, 'Is there a cat?')).to.deep.equal([]);
  });

  it('is unknown before anybody looked', () => {
    expect(truthOf({})).to.equal(undefined);
    expect(truthOf(undefined)).to.equal(undefined);
  });
});
