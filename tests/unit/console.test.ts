import { expect } from '@esm-bundle/chai';
import { createConsole } from '../../src/console.ts';
import { InputError } from '../../src/errors.ts';
import { makeApp, plainPicture, stateWhere } from '../support/app.ts';
import { FAKE_FACTS, fakeClip, fakeLogps } from '../support/fake-engine.ts';
import { makeTrainable, runOf } from '../support/trainable.ts';
import { turns } from '../support/until.ts';

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: Error) => error.message,
  );
}

describe('the console', () => {
  it('does the whole main job, visibly on the page', async () => {
    const app = await makeApp();
    const margin = createConsole(app);
    expect(await margin.ready).to.deep.equal(FAKE_FACTS);
    const [image] = await margin.images.add([await plainPicture()]);
    expect(image).to.include({ width: 16, height: 16 });
    const texts: string[] = [];
    for await (const { text, tokens, logps } of margin.sample({ image, prompt: 'What?', n: 3, seed: 5 })) {
      texts.push(text);
      expect(logps).to.deep.equal(tokens.map(({ logp }) => logp));
    }
    expect(texts).to.deep.equal(app.engine.answers.slice(0, 3));
    expect(app.store.state.candidates.map(({ text }) => text)).to.deep.equal(texts);
    expect(app.store.state.settings.seed, 'the page keeps its own settings').to.equal(1);
    expect(await margin.clipScore({ image, texts })).to.deep.equal(texts.map(fakeClip));
    const scored = await margin.logps({ image, prompt: 'What?', response: texts[0] });
    expect(scored.sum).to.equal(fakeLogps(texts[0]).sum);
    expect(scored.logps).to.deep.equal(scored.tokens.map(({ logp }) => logp));
    const pair = await margin.pairs.add({ image, prompt: 'What?', chosen: texts[0], rejected: texts[1] });
    expect(pair.row?.chosen).to.equal(scored.sum);
    expect(margin.pairs.list()).to.deep.equal([pair]);
    const { batch, backend } = await margin.evaluate();
    expect(backend).to.equal('wgsl');
    expect(batch.loss).to.be.closeTo(Math.LN2, 1e-12);
    expect(margin.state).to.equal(app.store.state);
    app.dispose();
  });

  it('evaluates raw numbers, also without an engine', async () => {
    const app = await makeApp({ ready: false });
    const margin = createConsole(app);
    const pairs = [
      { chosen: -10, rejected: -12, refChosen: -11, refRejected: -11, chosenLength: 5, rejectedLength: 6 },
    ];
    const result = await margin.evaluate({ objective: 'dpo_sigmoid', hyperparameters: { beta: 0.5 }, pairs });
    expect(result.backend).to.equal('f64');
    expect(result.pairs[0].margin).to.be.closeTo(1, 1e-12);
    expect(result.batch.loss).to.be.closeTo(Math.log1p(Math.exp(-1)), 1e-12);
    app.dispose();
  });

  it('lists the objectives with their hyperparameters', async () => {
    const app = await makeApp();
    const dpo = createConsole(app).objectives.find(({ id }) => id === 'dpo_sigmoid');
    expect(dpo?.hyperparameters.map(({ key }) => key)).to.deep.equal(['beta']);
    app.dispose();
  });

  it('cancels sampling when its loop is left', async () => {
    const app = await makeApp();
    const margin = createConsole(app);
    await margin.images.add([await plainPicture()]);
    app.engine.before = () => turns(1);
    for await (const { text } of margin.sample({ n: 8 })) {
      expect(text).to.equal('A cat on the grass.');
      break;
    }
    await stateWhere(app, ({ activity }) => activity === null, 'the end of sampling');
    expect(app.store.state.candidates.length).to.be.lessThan(4);
    app.dispose();
  });

  it('says what is wrong with a request', async () => {
    const app = await makeApp();
    const margin = createConsole(app);
    const first = async (iterable: AsyncIterable<unknown>) => {
      for await (const value of iterable) return value;
    };
    expect(await failure(first(margin.sample()))).to.include('image');
    expect(await failure(first(margin.sample({ image: 'nope' })))).to.include('nope');
    expect(await failure(margin.clipScore({ image: 'nope', texts: ['a'] }))).to.include('nope');
    expect(await failure(margin.logps({ image: 'nope', prompt: 'p', response: 'a' }))).to.include('nope');
    expect(await failure(margin.pairs.add({ image: 'nope', prompt: 'p', chosen: 'a', rejected: 'b' }))).to.include(
      'nope',
    );
    expect(await failure(first(margin.pairs.byClip()))).to.include('image');
    expect(await failure(first(margin.pairs.byClip({ images: ['nope'] })))).to.include('nope');
    expect(await failure(margin.evaluate({ objective: 'nope', pairs: [] }))).to.include('nope');
    app.dispose();
  });

  it('makes pairs by CLIP of all images or of some, visibly on the page', async () => {
    const app = await makeApp();
    const margin = createConsole(app);
    const images = await margin.images.add([await plainPicture(), await plainPicture([30, 30, 200], 'blue.png')]);
    app.engine.answers = ['A cat.', 'A crow.'];
    const made = [];
    for await (const pair of margin.pairs.byClip({ prompt: 'What?', n: 2 })) made.push(pair);
    expect(made.map(({ image }) => image)).to.deep.equal(images.map(({ id }) => id));
    expect(made[1]).to.include({ prompt: 'What?', chosen: 'A crow.', rejected: 'A cat.', verdict: 'preferred' });
    expect(made[1].clip).to.deep.equal({ chosen: fakeClip('A crow.'), rejected: fakeClip('A cat.') });
    for await (const { image } of margin.pairs.byClip({ images: [images[1]] })) expect(image).to.equal(images[1].id);
    for await (const _ of margin.pairs.byClip({ keep: 1 }));
    expect(margin.pairs.list()).to.have.lengthOf(4);
    app.intents.undo();
    expect(margin.pairs.list(), 'the pairs of one call are one action').to.have.lengthOf(3);
    app.engine.before = () => Promise.reject(new InputError('No more answers.'));
    const more = async () => {
      for await (const _ of margin.pairs.byClip());
    };
    expect(await failure(more())).to.equal('No more answers.');
    expect(app.store.state.notices.at(-1)?.message).to.include('The pairs so far were kept');
    app.dispose();
  });

  it('throws what the engine refuses, and the page says it too', async () => {
    const app = await makeApp();
    const margin = createConsole(app);
    const [image] = await margin.images.add([await plainPicture()]);
    const all = async () => {
      for await (const _ of margin.sample({ image }));
    };
    await all();
    const known = app.store.state.candidates;
    app.engine.before = () => Promise.reject(new InputError('The prompt is too long.', 'prompt'));
    expect(await failure(all())).to.equal('The prompt is too long.');
    expect(app.store.state.notices.at(-1)?.message).to.equal(
      'Sampling stopped: The prompt is too long. Undo brings the earlier answers back.',
    );
    app.engine.before = () => undefined;
    app.intents.undo();
    expect(app.store.state.candidates.map(({ text }) => text)).to.deep.equal(known.map(({ text }) => text));
    app.dispose();
  });

  it('refuses numbers of answers and tokens that cannot be, and leaves the table as it is', async () => {
    const app = await makeApp();
    const margin = createConsole(app);
    const [image] = await margin.images.add([await plainPicture()]);
    for await (const _ of margin.sample({ image, n: 2 }));
    const known = app.store.state.candidates;
    const all = async (settings: { n?: number; maxTokens?: number }) => {
      for await (const _ of margin.sample({ image, ...settings }));
    };
    expect(await failure(all({ n: 0 }))).to.equal('n is 0; it must be a whole number from 1 to 16.');
    expect(await failure(all({ n: 2.5 }))).to.include('n is 2.5');
    expect(await failure(all({ maxTokens: 0 }))).to.equal('maxTokens is 0; it must be a whole number from 1 to 512.');
    expect(app.store.state.candidates).to.equal(known);
    app.dispose();
  });

  it('tells who waits for it that the engine cannot run', async () => {
    const app = await makeApp({ ready: false });
    const margin = createConsole(app);
    app.engine.setState({ kind: 'unavailable', error: { name: 'NoWebGpuError', message: 'No WebGPU here.' } });
    expect(await failure(margin.ready)).to.equal('No WebGPU here.');
    app.dispose();
  });
});

describe('margin.train', () => {
  it('yields TRL’s metrics through the same run as the button, and stops with its signal', async () => {
    const app = await makeTrainable();
    const margin = createConsole(app);
    const controller = new AbortController();
    const steps: number[] = [];
    for await (const metrics of margin.train({ learning_rate: 1e-3 }, { signal: controller.signal })) {
      expect(metrics).to.include.keys('loss', 'rewards/margins', 'logps/chosen', 'grad_norm');
      steps.push(metrics.step);
      if (metrics.step === 3) controller.abort();
    }
    expect(steps.slice(0, 3)).to.deep.equal([1, 2, 3]);
    expect(runOf(app).status).to.equal('paused');
    expect(runOf(app).settings.learning_rate).to.equal(1e-3);
    expect(app.store.state.settings.training.learning_rate, 'the page keeps its own settings').to.not.equal(1e-3);
    expect((await margin.adapter.export()).length).to.be.greaterThan(0);
    app.dispose();
  });

  it('throws what cannot start', async () => {
    const app = await makeApp();
    const margin = createConsole(app);
    let message = '';
    try {
      for await (const _ of margin.train()) throw new Error('no step was expected');
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).to.contain('no pairs to learn from yet');
    app.dispose();
  });
});
