import { expect } from '@esm-bundle/chai';
import type { LookRequest, SampleBatchRequest } from '../../src/engine/engine.ts';
import { PHOTO_NOUNS, presenceQuestion } from '../../src/photographs/index.ts';
import { HELD_OUT_PHOTOGRAPHS, SAMPLE_PHOTOGRAPHS } from '../../src/photographs/pictures.ts';
import { PHOTO_FREQUENCY, photosWithBoth } from '../../src/photographs/together.ts';
import { EXAMINATIONS, examinationFor, examSeen } from '../../src/preference/examinations.ts';
import { evaluateHeldOut } from '../../src/preference/heldout.ts';
import { chair, popeQuestions } from '../../src/preference/metrics/index.ts';
import { Random } from '../../src/toybox/index.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { runOf } from '../support/trainable.ts';

const BOX = { x1: 0.1, y1: 0.1, x2: 0.4, y2: 0.6, score: 0.8 };
const seen = (there: readonly string[], doubtful: readonly string[] = []) => ({
  by: 'photo-detector',
  things: [
    ...there.map((noun) => ({ noun, chance: 0.95, boxes: [BOX] })),
    ...doubtful.map((noun) => ({ noun, chance: 0.5, boxes: [] })),
  ],
});

describe('the photographs of the page', () => {
  it('are small JPEG files without EXIF, all different, with licence and origin', async () => {
    const all = [...SAMPLE_PHOTOGRAPHS, ...HELD_OUT_PHOTOGRAPHS];
    expect([SAMPLE_PHOTOGRAPHS.length, HELD_OUT_PHOTOGRAPHS.length]).to.deep.equal([12, 14]);
    expect(new Set(all.map(({ id }) => id)).size).to.equal(26);
    let bytes = 0;
    for (const { url, name, credit, source } of all) {
      const file = new Uint8Array(await (await fetch(url)).arrayBuffer());
      bytes += file.length;
      expect([...file.subarray(0, 3)], name).to.deep.equal([0xff, 0xd8, 0xff]);
      expect(new TextDecoder('latin1').decode(file), name).to.not.contain('Exif');
      const { width, height } = await createImageBitmap(new Blob([file]));
      expect(Math.max(width, height), name).to.equal(448);
      expect(credit).to.match(/^CC BY 2\.0, Flickr photo \d+$/);
      expect(source).to.match(/^https:\/\/www\.flickr\.com\/photo\.gne\?id=\d+$/);
    }
    expect(bytes).to.be.lessThan(1_500_000);
  });

  it('of the examination are none of those the tests look at', async () => {
    const golden = (await (await fetch('/tests/golden/photo/photos.json')).json()) as { file: string }[];
    const ids = golden.map(({ file }) => file.replace('.png', ''));
    expect(ids).to.have.length(4);
    for (const { id } of HELD_OUT_PHOTOGRAPHS) expect(ids).to.not.include(id);
  });
});

describe('what stands together in photographs', () => {
  it('is counted for every pair of classes, in either order', () => {
    expect([...PHOTO_FREQUENCY.keys()]).to.deep.equal(PHOTO_NOUNS.map(({ noun }) => noun));
    const nouns = [...PHOTO_FREQUENCY.keys()];
    for (const a of nouns) {
      expect(photosWithBoth(a, a)).to.equal(PHOTO_FREQUENCY.get(a));
      for (const b of nouns) {
        expect(photosWithBoth(a, b)).to.equal(photosWithBoth(b, a));
        expect(photosWithBoth(a, b), `${a} ${b}`).to.be.within(
          0,
          Math.min(PHOTO_FREQUENCY.get(a)!, PHOTO_FREQUENCY.get(b)!),
        );
      }
    }
    expect(nouns.toSorted((a, b) => photosWithBoth('skis', b) - photosWithBoth('skis', a))[1]).to.equal('person');
    expect(photosWithBoth('cat', 'unicorn')).to.equal(0);
  });
});

describe('doubt', () => {
  it('a doubtful mention is neither hallucinated nor covered, and no mention', () => {
    const doubtful = ['cup'];
    const result = chair([{ mentions: ['dog', 'cup', 'cat'], truth: ['dog', 'bed'], doubtful }]);
    expect(result).to.include({ mentions: 2, hallucinated: 1, chairI: 1 / 2, cover: 1 / 2, precision: 1 / 2 });
    expect(chair([{ mentions: ['cup'], truth: ['dog'], doubtful }])).to.include({ mentions: 0, chairI: 0, chairS: 0 });
  });

  it('is never asked about', () => {
    const nouns = PHOTO_NOUNS.map(({ noun }) => noun);
    const statistics = { frequency: PHOTO_FREQUENCY, together: photosWithBoth };
    const ask = (doubtful: string[][]) =>
      popeQuestions([['fork', 'knife']], nouns, 'adversarial', statistics, new Random(1), 3, doubtful)
        .filter(({ present }) => !present)
        .map(({ noun }) => noun);
    const certain = ask([]);
    expect(certain).to.have.length(2);
    expect(ask([[certain[0]]])).to.not.include(certain[0]);
    expect(ask([[certain[0]]])).to.include(certain[1]);
  });
});

describe('the examination on photographs', () => {
  it('asks as the recipe does', () => {
    expect(['dog', 'elephant', 'skis', 'scissors', 'broccoli', 'traffic light'].map(presenceQuestion)).to.deep.equal([
      'Is there a dog in the image?',
      'Is there an elephant in the image?',
      'Are there skis in the image?',
      'Are there scissors in the image?',
      'Is there broccoli in the image?',
      'Is there a traffic light in the image?',
    ]);
  });

  it('takes the detector for the truth: CHAIR-i, cover and questions by hand', async () => {
    const engine = new FakeEngine();
    engine.answers = ['A dog on a bed next to a cup and a cat.'];
    const pictures = ['a', 'b'].map((id) => ({ id, blob: new Blob() }));
    const exam = examSeen(pictures, [seen(['dog', 'bed'], ['cup']), seen(['cat'])]);
    expect(await exam.picture(1)).to.equal(pictures[1]);
    const report = await evaluateHeldOut(engine, exam, { model: 'policy', popeScenes: 2 });
    // First: dog, bed right, cat wrong, cup in doubt. Second: cat right; dog, bed, cup wrong.
    expect(report).to.include({ captions: 2, mentions: 7, hallucinated: 4, chairI: 4 / 7, cover: 1, chairS: 1 });
    for (const questions of Object.values(exam.pope)) {
      expect(questions.filter(({ present }) => present).map(({ noun }) => noun)).to.have.members(['dog', 'bed', 'cat']);
      const absent = questions.filter(({ present }) => !present);
      expect(absent.map(({ scene }) => scene)).to.deep.equal([0, 0, 1]);
      expect(absent.filter(({ scene }) => scene === 0).map(({ noun }) => noun)).to.not.include.members(['cup']);
    }
    // What holds no "no" counts as yes, and half the questions are about what is there.
    expect(report.pope!.popular).to.include({ questions: 6, accuracy: 0.5, yesShare: 1 });
  });

  it('is one of two, by world', () => {
    expect(EXAMINATIONS.map(({ world, many }) => [world, many])).to.deep.equal([
      ['toybox', 'scenes'],
      ['photographs', 'photographs'],
    ]);
    expect(examinationFor('photographs').most).to.equal(14);
  });

  describe('of a run', () => {
    async function onPhotographs(): Promise<TestApp> {
      const app = await makeApp();
      await app.intents.useModelsFor('photographs');
      app.engine.sees = seen(['cat'], ['dog']).things;
      await app.intents.addImages([await plainPicture()]);
      await app.intents.sample();
      const [first, second] = app.store.state.candidates;
      app.intents.markChosen(first.id);
      app.intents.markRejected(second.id);
      app.intents.addPair();
      await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores');
      await stateWhere(app, ({ images }) => images[0].seen !== undefined, 'looked at');
      app.engine.calls = [];
      return app;
    }

    it('is over the photographs there are, looked at once, and never over scenes', async () => {
      const app = await onPhotographs();
      app.intents.setTraining({ max_steps: 6, kl_answers: 0, eval_steps: 3, eval_pope_scenes: 2 });
      app.engine.answers = ['A cat and a dog on a sofa.'];
      await app.intents.train();
      const points = runOf(app).heldOut;
      expect(points.map(({ step }) => step)).to.deep.equal([0, 3, 6]);
      for (const point of points) {
        expect(point).to.deep.include({ world: 'photographs', scenes: 14, chairI: 0.5, cover: 1 });
        expect(point.pope).to.include({ scenes: 2 });
      }
      const looked = (app.engine.callsOf('look') as LookRequest[]).map(({ image }) => image.id);
      expect(looked).to.deep.equal(HELD_OUT_PHOTOGRAPHS.map(({ id }) => `held-out photograph ${id}`));
      const batches = app.engine.callsOf('sampleBatch') as SampleBatchRequest[];
      const asked = new Set(batches.flatMap(({ prompts }) => prompts.map(({ image }) => image.id)));
      expect([...asked].every((id) => id.startsWith('held-out photograph '))).to.equal(true);
      app.dispose();
    });

    it('keeps no point on scenes beside it, and Toybox none on photographs', async () => {
      const app = await onPhotographs();
      app.intents.setTraining({ max_steps: 4, kl_answers: 0, eval_scenes: 2, eval_pope_scenes: 0 });
      await app.intents.train({ steps: 2 });
      await app.intents.trainStep();
      const run = runOf(app);
      // As an older version left it: a photo model examined on scenes.
      const old = { step: 1, scenes: 2, chairI: 1, cover: 0, f1: 0, margin: 0, example: 'A tree.' };
      app.store.update((state) => ({
        ...state,
        training: {
          ...state.training,
          runs: state.training.runs.map((each) => (each.id === run.id ? { ...each, heldOut: [old] } : each)),
        },
      }));
      await app.intents.examine();
      expect(runOf(app).heldOut.map(({ world }) => world)).to.deep.equal(['photographs', 'photographs']);
      app.dispose();
    });

    it('survives a reload and a workspace file with its world', async () => {
      const app = await onPhotographs();
      app.intents.setTraining({ max_steps: 2, kl_answers: 0, eval_scenes: 1, eval_pope_scenes: 0 });
      await app.intents.train();
      await app.flush();
      const file = await app.intents.exportWorkspace();
      app.dispose();
      const again = await makeApp({ backend: app.backend });
      expect(again.store.state.training.runs[0].heldOut.map(({ world }) => world)).to.deep.equal([
        'photographs',
        'photographs',
      ]);
      again.dispose();
      const other = await makeApp();
      await other.intents.importWorkspace(file);
      expect(other.store.state.training.runs[0].heldOut[1].world).to.equal('photographs');
      other.dispose();
    });
  });
});
