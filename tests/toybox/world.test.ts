import { expect } from '@esm-bundle/chai';
import {
  type Atlas,
  BACKGROUNDS,
  biasedCaptionOf,
  captionOf,
  companionOf,
  corruptedCaptionOf,
  loadAtlas,
  mentionedNouns,
  NOUNS,
  questionsFor,
  randomScene,
  renderScene,
  SCENE_SIZE,
  SPRITE_CREDITS,
  SPRITE_SIZES,
  sceneTruth,
} from '../../src/toybox/index.ts';

const SEEDS = Array.from({ length: 300 }, (_, seed) => seed);

async function fetchAtlas(): Promise<Atlas> {
  const response = await fetch(new URL('../../src/toybox/sprites/atlas.bin', import.meta.url));
  return loadAtlas(await response.arrayBuffer());
}

/** FNV-1a over bytes. */
function hashOf(bytes: Uint8ClampedArray): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

describe('toybox nouns', () => {
  it('are 80, each with a companion that is a noun too and with a credited style', () => {
    const names = new Set(NOUNS.map(({ noun }) => noun));
    expect(names.size).to.equal(80);
    for (const { noun, companions, styles } of NOUNS) {
      for (const companion of companions) expect(names.has(companion), `${noun}: ${companion}`).to.equal(true);
      expect(companions).not.to.include(noun);
      expect(styles.length).to.be.at.least(2);
      for (const style of styles) expect(SPRITE_CREDITS.some((credit) => credit.style === style)).to.equal(true);
    }
  });
});

describe('toybox scenes', () => {
  it('depend on the seed alone', () => {
    expect(randomScene(7)).to.deep.equal(randomScene(7));
    expect(randomScene(7)).not.to.deep.equal(randomScene(8));
  });

  it('hold 1 to 5 whole sprites inside the picture, on every background', () => {
    const backgrounds = new Set<string>();
    const sizes = new Set<number>();
    for (const seed of SEEDS) {
      const { background, objects } = randomScene(seed);
      backgrounds.add(background);
      sizes.add(objects.length);
      for (const { x, y, size } of objects) {
        expect(SPRITE_SIZES).to.include(size);
        for (const edge of [x, y])
          expect(Number.isInteger(edge) && edge >= 0 && edge + size <= SCENE_SIZE).to.equal(true);
      }
    }
    expect([...backgrounds].sort()).to.deep.equal(BACKGROUNDS.map(({ name }) => name).sort());
    expect([...sizes].sort()).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('know their objects, counts and relations', () => {
    const style = 'noto';
    const truth = sceneTruth({
      background: 'grass',
      objects: [
        { noun: 'cat', style, x: 0, y: 40, size: 36 },
        { noun: 'dog', style, x: 80, y: 44, size: 36 },
        { noun: 'bone', style, x: 80, y: 0, size: 36 },
        { noun: 'bone', style, x: 0, y: 90, size: 36 },
      ],
    });
    expect(truth.objects).to.deep.equal(['cat', 'dog', 'bone']);
    expect(truth.counts).to.deep.equal({ cat: 1, dog: 1, bone: 2 });
    expect(truth.relations).to.deep.equal([
      { subject: 'cat', direction: 'left', object: 'dog' },
      { subject: 'dog', direction: 'right', object: 'cat' },
    ]);
  });
});

describe('toybox pictures', () => {
  let atlas: Atlas;
  before(async () => {
    atlas = await fetchAtlas();
  });

  it('have a sprite for every noun, style and size', () => {
    for (const { noun, styles } of NOUNS) {
      for (const style of styles) {
        for (const size of SPRITE_SIZES) expect(atlas.sprite(noun, style, size).rgba.length).to.equal(size * size * 4);
      }
    }
  });

  it('are the very bytes that the recipe trains on', () => {
    // Hashes from Node; the same code feeds the training there.
    expect([1, 2, 3].map((seed) => hashOf(renderScene(randomScene(seed), atlas)))).to.deep.equal(PIXEL_HASHES);
  });

  it('cut off what lies outside', () => {
    const sprite = { noun: 'sun', style: 'noto', size: 52 } as const;
    const outside = [
      { ...sprite, x: -30, y: -30 },
      { ...sprite, x: 120, y: 500 },
    ];
    const picture = renderScene({ background: 'wall', objects: outside }, atlas);
    expect(picture.length).to.equal(SCENE_SIZE * SCENE_SIZE * 4);
    expect(picture.every((value, i) => i % 4 !== 3 || value === 255)).to.equal(true);
  });

  it('reject nouns that do not exist', () => {
    const object = { noun: 'unicorn', style: 'noto', x: 0, y: 0, size: 36 } as const;
    expect(() => renderScene({ background: 'wall', objects: [object] }, atlas)).to.throw(RangeError, 'unicorn');
  });
});

const PIXEL_HASHES = [1236812586, 846018212, 3540246838];

describe('toybox language', () => {
  it('clean captions name every object and nothing else', () => {
    for (const seed of SEEDS) {
      const scene = randomScene(seed);
      const named = [...new Set(mentionedNouns(captionOf(scene, seed)))].sort();
      expect(named).to.deep.equal(sceneTruth(scene).objects.sort());
    }
  });

  it('biased captions add habitual companions only, in a good part of the captions', () => {
    let hallucinating = 0;
    for (const seed of SEEDS) {
      const scene = randomScene(seed);
      const { objects } = sceneTruth(scene);
      const wrong = mentionedNouns(biasedCaptionOf(scene, seed)).filter((noun) => !objects.includes(noun));
      for (const noun of wrong) expect(objects.map(companionOf)).to.include(noun);
      if (wrong.length > 0) hallucinating++;
    }
    expect(hallucinating / SEEDS.length).to.be.within(0.3, 0.6);
  });

  it('a corrupted caption has one object too many', () => {
    for (const seed of SEEDS) {
      const scene = randomScene(seed);
      const { objects } = sceneTruth(scene);
      const named = new Set(mentionedNouns(corruptedCaptionOf(scene, seed, 'added')));
      expect([...named].filter((noun) => !objects.includes(noun))).to.have.length(1);
    }
  });

  it('answers to questions are true', () => {
    for (const seed of SEEDS) {
      const scene = randomScene(seed);
      const { counts } = sceneTruth(scene);
      for (const { task, answer, noun } of questionsFor(scene, seed)) {
        if (task === 'exists') expect(answer.startsWith('Yes')).to.equal(noun! in counts, `seed ${seed}`);
        if (task === 'relation' && answer !== 'Nothing.') expect(mentionedNouns(answer)[0] in counts).to.equal(true);
      }
    }
  });
});

describe('mentioned nouns', () => {
  const cases: [string, string[]][] = [
    ['', []],
    ['A hot dog.', ['hot dog']],
    ['a dog and two hot dogs', ['dog', 'hot dog']],
    ['Kittens, PUPPIES & mice', ['cat', 'dog', 'mouse']],
    ['a ball of yarn and a ball', ['ball of yarn']],
    ['three cacti, buses and snowmen', ['cactus', 'bus', 'snowman']],
    ['A teddy bear on a bed in the bedroom', ['teddy bear', 'bed']],
    ['a tree house in a tree', ['tree']],
    ['cats cats cats', ['cat', 'cat', 'cat']],
    ['category, carton, beehive', []],
  ];
  for (const [text, nouns] of cases) {
    it(`"${text}"`, () => expect(mentionedNouns(text)).to.deep.equal(nouns));
  }
});
