import { expect } from '@esm-bundle/chai';
import type { SampleBatchRequest } from '../../src/engine/engine.ts';
import { toyboxExam } from '../../src/preference/examinations.ts';
import { evaluateHeldOut } from '../../src/preference/heldout.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { makeTrainable, runOf } from '../support/trainable.ts';

describe('held-out examinations', () => {
  it('grade greedy descriptions', async () => {
    const engine = new FakeEngine();
    engine.answers = ['There is a unicorn.'];
    const seen: number[] = [];
    const exam = toyboxExam(3, async () => ({ id: 'x', blob: new Blob() }));
    const { answers, chairI, cover } = await evaluateHeldOut(engine, exam, {
      model: 'policy',
      onProgress: (done) => seen.push(done),
    });
    expect(answers).to.have.length(3);
    expect({ chairI, cover }).to.deep.equal({ chairI: 0, cover: 0 });
    expect(seen).to.deep.equal([0, 1, 2, 3]);
  });

  it('keep the order of the scenes, whichever answer ends first', async () => {
    const engine = new FakeEngine();
    const { sampleBatch } = engine;
    engine.sampleBatch = async function* (request, options) {
      for await (const { prompt, candidate } of sampleBatch.call(engine, request, options)) {
        yield { prompt, candidate: { ...candidate, text: request.prompts[prompt].image.id } };
      }
    };
    const made: string[] = [];
    const picture = async () => {
      made.push(`scene ${made.length}`);
      return { id: made.at(-1)!, blob: new Blob() };
    };
    const controller = new AbortController();
    const exam = toyboxExam(3, picture);
    const options = { model: 'policy', signal: controller.signal } as const;
    expect((await evaluateHeldOut(engine, exam, options)).answers).to.deep.equal(made);
    engine.before = () => controller.abort();
    const error = await evaluateHeldOut(engine, exam, options).catch((caught) => caught);
    expect(error.name).to.equal('CancelledError');
  });

  it('ask about the first scenes: POPE, a question that several settings share only once', async () => {
    const engine = new FakeEngine();
    engine.answers = ['No, there is not.'];
    const exam = toyboxExam(3, async () => ({ id: 'x', blob: new Blob() }));
    const { pope } = await evaluateHeldOut(engine, exam, { model: 'policy', popeScenes: 2 });
    const batches = engine.callsOf('sampleBatch') as SampleBatchRequest[];
    expect(batches.map(({ maxTokens }) => maxTokens)).to.deep.equal([64, 16]);
    const asked = batches.flatMap(({ prompts }) => prompts.map(({ prompt }) => prompt));
    const about = asked.filter((prompt) => /^Is there/.test(prompt));
    expect(asked.length - about.length, 'descriptions').to.equal(3);
    for (const setting of ['random', 'popular', 'adversarial'] as const) {
      const { accuracy, yesShare, questions } = pope![setting];
      expect({ accuracy, yesShare }).to.deep.equal({ accuracy: 0.5, yesShare: 0 });
      expect(questions).to.be.within(4, 12);
      expect(about.length).to.be.within(questions, 3 * questions);
    }
    expect(new Set(about).size).to.be.lessThan(3 * pope!.random.questions);
    expect((await evaluateHeldOut(engine, exam, { model: 'policy' })).pope, 'not asked for').to.equal(undefined);
  });

  it('keep POPE’s accuracies beside CHAIR-i, of fewer scenes; by hand every scene is asked about', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_scenes: 2, eval_pope_scenes: 1 });
    app.engine.answers = ['No.'];
    await app.intents.train();
    const half = { random: 0.5, popular: 0.5, adversarial: 0.5 };
    expect(runOf(app).heldOut.map(({ pope }) => pope)).to.deep.equal([
      { scenes: 1, ...half },
      { scenes: 1, ...half },
    ]);
    await app.intents.examine();
    expect(runOf(app).heldOut.map(({ pope }) => pope?.scenes)).to.deep.equal([2, 2]);
    app.dispose();
  });

  it('measure the KL to the reference on the policy’s own samples, in their own rhythm or with the examinations', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ kl_steps: 2, kl_answers: 3 });
    await app.intents.train();
    const points = runOf(app).divergence!;
    expect(points.map(({ step }) => step)).to.deep.equal([2, 4, 6]);
    expect(points[2]).to.include({ answers: 3, tokens: 30 });
    expect(points[2].perToken).to.be.closeTo(0.12, 1e-12);
    expect(points[2].perAnswer).to.be.closeTo(1.2, 1e-12);
    await app.intents.rewindTraining(4);
    expect(runOf(app).divergence!.map(({ step }) => step)).to.deep.equal([2, 4]);
    app.intents.setTraining({ kl_steps: 0, eval_scenes: 1, eval_steps: 3 });
    await app.intents.train();
    expect(runOf(app).divergence!.map(({ step }) => step)).to.deep.equal([2, 4, 6]);
    expect(runOf(app).heldOut.map(({ step }) => step)).to.deep.equal([0, 6]);
    app.dispose();
  });

  it('happen every k steps and after the last, with the reference once', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_scenes: 2, eval_steps: 3 });
    app.engine.calls = [];
    await app.intents.train();
    expect(runOf(app).heldOut.map(({ step }) => step)).to.deep.equal([0, 3, 6]);
    const models = (app.engine.callsOf('sampleBatch') as SampleBatchRequest[]).map(({ model }) => model);
    expect(models).to.deep.equal(['reference', 'policy', 'policy']);
    app.dispose();
  });

  it('can be skipped without ending the run', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_scenes: 4, eval_steps: 3 });
    app.engine.before = (method) => (method === 'sampleBatch' ? app.intents.skipExamination() : undefined);
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 6 });
    expect(runOf(app).heldOut).to.deep.equal([]);
    app.dispose();
  });

  it('stop a run early and bring the best step back', async () => {
    const app = await makeTrainable();
    app.intents.setTraining({ eval_scenes: 6, eval_steps: 2, early_stopping: true });
    let asked = 0;
    // The reference and the first policy mention things that are there; later ones say nothing.
    const { sampleBatch } = app.engine;
    app.engine.sampleBatch = (request, options) => {
      app.engine.answers = asked++ < 2 ? ['a cat a dog a ball an apple a tree a car'] : ['nothing'];
      return sampleBatch.call(app.engine, request, options);
    };
    await app.intents.train();
    const run = runOf(app);
    expect(run.status).to.equal('stopped');
    expect(run.step).to.equal(4);
    expect(run.message).to.contain('Stopped early at step 4');
    expect(app.store.state.adapter, 'the reference was as good as any step').to.equal(null);
    expect(await app.engine.adapter.facts()).to.equal(null);
    app.dispose();
  });
});
