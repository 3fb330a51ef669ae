import { expect } from '@esm-bundle/chai';
import { DeviceLostError, EngineError, InputError } from '../../src/errors.ts';
import { pairsInWords } from '../../src/state/selectors.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { FAKE_FACTS } from '../support/fake-engine.ts';

/** An app with a picture and `n` pairs, before any of them is scored. */
async function withPairs(n: number, before: TestApp['engine']['before']): Promise<TestApp> {
  const app = await makeApp();
  const [{ id: imageId }] = await app.intents.addImages([await plainPicture()]);
  app.engine.before = before;
  for (let i = 1; i <= n; i++) app.intents.addPairOf({ imageId, prompt: 'p', chosen: `good ${i}`, rejected: 'bad' });
  return app;
}

const settledPairs = (app: TestApp) =>
  stateWhere(app, ({ pairs }) => pairs.every(({ scores, error }) => scores || error), 'scores or errors');
const texts = (request: unknown) => request as { chosen: string };
const restart = (app: TestApp) => {
  app.engine.setState({ kind: 'restarting', reason: 'A test.' });
  app.engine.setState({ kind: 'ready', facts: FAKE_FACTS });
};

describe('a pair whose scoring failed', () => {
  it('is tried again, with a limit', async () => {
    let calls = 0;
    const app = await withPairs(1, (method) => {
      if (method === 'pairLogps' && ++calls < 3) throw new EngineError('A passing trouble.');
    });
    await settledPairs(app);
    expect(app.store.state.pairs[0].scores).to.not.equal(undefined);
    expect(calls).to.equal(3);
    app.dispose();
  });

  it('is counted in words, with its reason, and one press tries all of them again', async () => {
    const app = await withPairs(12, (method, request) => {
      if (method === 'pairLogps' && texts(request).chosen === 'good 7') throw new EngineError('The GPU said no.');
    });
    await settledPairs(app);
    expect(pairsInWords(app.store.state)).to.equal('12 pairs, 11 scored, 1 could not be scored: The GPU said no.');
    expect(app.engine.callsOf('pairLogps').filter((each) => texts(each).chosen === 'good 7')).to.have.length(3);
    app.engine.before = () => {};
    app.intents.scoreFailedPairs();
    await stateWhere(app, ({ pairs }) => pairs.every(({ scores }) => scores), 'all scores');
    expect(pairsInWords(app.store.state)).to.equal('12 pairs');
    app.dispose();
  });

  it('is tried by the next engine, by itself', async () => {
    let broken = true;
    const app = await withPairs(2, (method) => {
      if (method === 'pairLogps' && broken) throw new EngineError('A broken engine.');
    });
    await settledPairs(app);
    broken = false;
    restart(app);
    await stateWhere(app, ({ pairs }) => pairs.every(({ scores }) => scores), 'scores by the next engine');
    app.dispose();
  });

  it('is left alone by the next engine if it took the last one with it, or cannot be scored as it is', async () => {
    const calls = { lost: 0, input: 0 };
    const app = await withPairs(2, (method, request) => {
      if (method !== 'pairLogps') return;
      const of = texts(request).chosen === 'good 1' ? 'lost' : 'input';
      calls[of]++;
      throw of === 'lost' ? new DeviceLostError('The device went.') : new InputError('It holds a special token.');
    });
    await settledPairs(app);
    expect(calls).to.deep.equal({ lost: 3, input: 1 });
    restart(app);
    restart(app);
    await new Promise((resolve) => setTimeout(resolve));
    await settledPairs(app);
    expect(calls).to.deep.equal({ lost: 3, input: 1 });
    app.dispose();
  });

  it('is tried again when its picture is back', async () => {
    const first = await makeApp();
    const [{ id: imageId }] = await first.intents.addImages([await plainPicture()]);
    first.intents.addPairOf({ imageId, prompt: 'p', chosen: 'good', rejected: 'bad' });
    await settledPairs(first);
    await first.flush();
    await first.backend.bytes.keepOnly(() => false);
    first.dispose();
    const app = await makeApp({ backend: first.backend });
    app.intents.scorePair(app.store.state.pairs[0].id);
    await stateWhere(app, ({ pairs }) => pairs[0].error !== undefined, 'the missing picture');
    expect(app.store.state.pairs[0].error).to.include('file is missing');
    await app.intents.addImages([await plainPicture()]);
    await stateWhere(app, ({ pairs }) => pairs[0].scores !== undefined, 'scores of the returned picture');
    app.dispose();
  });

  it('has no numbers of an adapter that is gone', async () => {
    const app = await withPairs(1, () => {});
    await settledPairs(app);
    app.engine.before = (method) => {
      if (method === 'pairLogps') throw new EngineError('No.');
    };
    app.store.update((state) => ({ ...state, adapter: { key: 'another', run: 'r', step: 1 } }));
    await stateWhere(app, ({ pairs }) => pairs[0].error !== undefined, 'the error');
    expect(app.store.state.pairs[0].scores).to.equal(undefined);
    app.dispose();
  });
});
