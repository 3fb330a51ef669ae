import { expect } from '@esm-bundle/chai';
import {
  chair,
  countIn,
  gradeClip,
  gradeVlm,
  habitualShare,
  heldOutExamination,
  objectStatistics,
  pairAccuracy,
  popeQuestions,
  rankedFirst,
  saysYes,
  scoreCounting,
  scorePope,
} from '../../src/preference/metrics/index.ts';
import { captionOf, Random, sceneTruth } from '../../src/toybox/index.ts';

describe('CHAIR', () => {
  it('counts repeats in CHAIR-i, captions in CHAIR-s and each object once in cover', () => {
    const result = chair([
      { mentions: ['cat', 'cat', 'yarn'], truth: ['cat', 'dog'] },
      { mentions: ['dog'], truth: ['dog'] },
      { mentions: [], truth: ['sun'] },
    ]);
    expect(result.mentions).to.equal(4);
    expect(result.hallucinated).to.equal(1);
    expect(result.chairI).to.equal(1 / 4);
    expect(result.chairS).to.equal(1 / 3);
    expect(result.cover).to.equal(2 / 4);
    expect(result.precision).to.equal(2 / 3);
    expect(result.f1).to.be.closeTo(4 / 7, 1e-15);
  });

  it('is 0 and not NaN where nothing is said', () => {
    expect(chair([])).to.include({ chairI: 0, chairS: 0, cover: 0, f1: 0 });
  });

  it('says how many wrong mentions a habit explains', () => {
    const companions: Record<string, string> = { cat: 'yarn', dog: 'bone' };
    const share = habitualShare(
      [{ mentions: ['yarn', 'bone', 'cat'], truth: ['cat'] }],
      (noun) => companions[noun] ?? '',
    );
    expect(share).to.equal(1 / 2);
  });
});

describe('POPE', () => {
  const truths = [['cat', 'yarn'], ['cat', 'yarn'], ['cat', 'dog'], ['sun'], ['sun'], ['sun'], ['sun']];
  const vocabulary = ['cat', 'yarn', 'dog', 'sun', 'moon'];
  const ask = (setting: 'random' | 'popular' | 'adversarial') =>
    popeQuestions([['cat']], vocabulary, setting, objectStatistics(truths), new Random(1), 1);

  it('asks about what is there and as often about what is not', () => {
    const questions = popeQuestions(truths, vocabulary, 'random', objectStatistics(truths), new Random(1), 3);
    for (const { scene, noun, present } of questions) expect(truths[scene].includes(noun)).to.equal(present);
    expect(questions.filter(({ present }) => present)).to.have.length(questions.length / 2);
  });

  it('takes the most frequent absent object for popular, the closest one for adversarial', () => {
    expect(ask('popular')[1]).to.include({ noun: 'sun', present: false });
    expect(ask('adversarial')[1]).to.include({ noun: 'yarn', present: false });
  });

  it('reads answers as the official script does', () => {
    for (const answer of ['Yes.', 'There is a cat', 'Nothing', 'NO', '', 'Yes. No.'])
      expect(saysYes(answer), answer).to.equal(true);
    for (const answer of ['No.', 'no', 'No, there is not a cat.', 'There is not', 'Well, no']) {
      expect(saysYes(answer), answer).to.equal(false);
    }
  });

  it('scores with yes as the positive class', () => {
    const questions = [true, true, false, false].map((present, scene) => ({ scene, noun: 'cat', present }));
    const result = scorePope(questions, ['Yes', 'No', 'Yes', 'No']);
    expect(result).to.include({ accuracy: 0.5, precision: 0.5, recall: 0.5, f1: 0.5, yesShare: 0.5 });
    expect(() => scorePope(questions, ['Yes'])).to.throw(RangeError);
  });
});

describe('counting', () => {
  it('finds the number in an answer', () => {
    const cases: [string, number | undefined][] = [
      ['Two.', 2],
      ['There are 3 cats.', 3],
      ['There is a cat.', 1],
      ['There is one of a kind.', 1],
      ['None.', 0],
      ['Many.', undefined],
    ];
    for (const [answer, count] of cases) expect(countIn(answer), answer).to.equal(count);
  });

  it('reports accuracy by true count', () => {
    const result = scoreCounting([1, 1, 2], ['One', 'Two', 'Two']);
    expect(result.accuracy).to.be.closeTo(2 / 3, 1e-15);
    expect(result.byCount).to.deep.equal({ 1: 0.5, 2: 1 });
  });
});

describe('CLIP ranking', () => {
  it('needs the right one strictly above the rest', () => {
    expect(
      rankedFirst(
        [
          [3, 1, 2],
          [1, 1, 0],
          [0, 1, 2],
        ],
        [0, 0, 2],
      ),
    ).to.be.closeTo(2 / 3, 1e-15);
    expect(pairAccuracy([1, 2, 3], [0, 2, 4])).to.be.closeTo(1 / 3, 1e-15);
  });
});

describe('the held-out examination', () => {
  const examination = heldOutExamination(40);

  it('gives full marks to true answers', () => {
    const pope = (setting: 'random' | 'popular' | 'adversarial') =>
      examination.pope[setting].map(({ present }) => (present ? 'Yes.' : 'No.'));
    const report = gradeVlm(examination, {
      describe: examination.scenes.map((scene, i) => captionOf(scene, i)),
      pope: { random: pope('random'), popular: pope('popular'), adversarial: pope('adversarial') },
      count: examination.count.map(({ truth }) => String(truth)),
    });
    expect(report).to.include({ chairI: 0, chairS: 0, cover: 1, f1: 1 });
    expect(report.pope?.adversarial.accuracy).to.equal(1);
    expect(report.counting?.accuracy).to.equal(1);
  });

  it('asks only about scenes as they are', () => {
    for (const { scene, noun, present } of examination.pope.adversarial) {
      expect(sceneTruth(examination.scenes[scene]).objects.includes(noun)).to.equal(present);
    }
    for (const { truth } of examination.count) expect(truth).to.be.within(1, 4);
    for (const { clean, added } of examination.captions) expect(clean).not.to.equal(added);
  });

  it('grades CLIP from similarities alone', () => {
    expect(
      gradeClip({
        block: [
          [2, 1],
          [1, 2],
        ],
        added: [1, 3],
      }),
    ).to.deep.equal({ rankedFirst: 1, cleanAboveAdded: 0.5 });
  });
});
