import { expect } from '@esm-bundle/chai';
import { createConsole } from '../../src/console.ts';
import type { MarginConsole } from '../../src/console-api.ts';
import { InputError } from '../../src/errors.ts';
import { INPUTS } from '../../src/kernels/losses/inputs.ts';
import { SETTING_RANGES } from '../../src/state/defaults.ts';
import { makeApp, plainPicture, stateWhere, type TestApp } from '../support/app.ts';
import { makeTrainable } from '../support/trainable.ts';

/** The sentence of the `InputError` that a call ends with. Anything else, a `TypeError` above all, fails the test. */
async function refused(call: () => unknown): Promise<string> {
  let caught: unknown;
  try {
    const result = await call();
    if (typeof result === 'object' && result !== null && Symbol.asyncIterator in result) {
      for await (const _ of result as AsyncIterable<unknown>) throw new Error('something was done');
    }
  } catch (error) {
    caught = error;
  }
  expect(caught, String(caught)).to.be.instanceOf(InputError);
  return (caught as Error).message;
}

type Calls = Record<string, (...given: unknown[]) => unknown>;

describe('what the console refuses', () => {
  let app: TestApp;
  let margin: MarginConsole;
  let image: { id: string };
  /** As a script calls it, which knows no types. */
  let loose: Calls & { pairs: Calls; images: Calls; adapter: Calls };

  beforeEach(async () => {
    app = await makeApp();
    margin = createConsole(app);
    loose = margin as unknown as typeof loose;
    [image] = await margin.images.add([await plainPicture()]);
    // The detector looks by itself at what was added; from here on nobody asks the engine for anything.
    await stateWhere(app, ({ images }) => images[0].seen !== undefined, 'the detector to look');
    app.engine.calls = [];
  });
  afterEach(() => app.dispose());

  const untouched = () => {
    expect(app.engine.calls).to.deep.equal([]);
    expect(app.store.state.pairs).to.deep.equal([]);
    expect(app.store.state.candidates).to.deep.equal([]);
    expect(app.store.state.training.runs).to.deep.equal([]);
  };

  it('unknown settings of a run, each by its name, with where it belongs or what was meant', async () => {
    const said = await refused(() => loose.train({ beta: 5, loss_type: 'ipo', learningRate: 1 }));
    expect(said).to.contain('beta belongs in hyperparameters: { beta }');
    expect(said).to.contain('loss_type').and.to.contain('objective');
    expect(said).to.contain('learningRate: did you mean learning_rate?');
    for (const [given, ...words] of [
      [{ lr: 1 }, 'lr: did you mean learning_rate?'],
      [{ learning_rat: 1 }, 'learning_rat: did you mean learning_rate?'],
      [{ colour: 'red' }, 'colour is unknown to margin.train', 'learning_rate'],
      [{ learning_rate: '1e-3' }, 'learning_rate is "1e-3"; it must be a number above 0.'],
      [{ learning_rate: Number.NaN }, 'learning_rate is NaN'],
      [{ max_steps: 1.5 }, 'max_steps is 1.5; it must be a whole number'],
      [{ per_device_train_batch_size: Number.POSITIVE_INFINITY }, 'is Infinity', 'from 1 to 32'],
      [{ weight_decay: -1 }, 'weight_decay is -1'],
      [{ r: null }, 'r is null'],
      [{ target_modules: [] }, 'target_modules is an empty list'],
      [{ target_modules: ['q_prj'] }, 'target_modules[0] is "q_prj"; did you mean "q_proj"?'],
      [{ target_modules: 'q_proj' }, 'target_modules is "q_proj"; it must be a list'],
      [{ early_stopping: 'yes' }, 'early_stopping is "yes"; it must be true or false.'],
      [{ objective: 'ipo' }, 'objective is "ipo"; did you mean "ipo_'],
      [{ objective: 'nope' }, 'margin.objectives'],
      [{ hyperparameters: null }, 'hyperparameters is null'],
      [{ reward: { clip: 1, beauty: 2 } }, 'reward is an object; it must be one of clip, truth'],
      [{ config: { learningRate: 1 } }, 'learningRate: did you mean learning_rate?'],
      [{ config: 5 }, 'config is 5'],
      [{ signal: new AbortController().signal }, 'second argument'],
      [null, 'margin.train takes an object', 'null'],
      ['dpo', 'it was given "dpo"'],
      [[1], 'it was given a list'],
    ] as [unknown, ...string[]][]) {
      const message = await refused(() => loose.train(given));
      for (const word of words) expect(message, JSON.stringify(given)).to.contain(word);
    }
    expect(await refused(() => loose.train({}, { sginal: null }))).to.contain('sginal: did you mean signal?');
    expect(await refused(() => loose.train({}, { signal: 1 }))).to.contain('signal is 1; it must be an AbortSignal.');
    untouched();
  });

  it('hyperparameters that the objective has not, or cannot use', async () => {
    const trainable = await makeTrainable();
    const run = (hyperparameters: unknown) => createConsole(trainable).train({ hyperparameters } as never);
    expect(await refused(() => run({ bta: 1 }))).to.contain('"bta"; did you mean beta?');
    expect(await refused(() => run({ beta: '5' }))).to.contain('beta is "5"');
    expect(await refused(() => run({ beta: -1 }))).to.contain('beta');
    expect(await refused(() => run({ beta: Number.NaN }))).to.contain('beta is NaN');
    expect(trainable.store.state.training.runs).to.deep.equal([]);
    trainable.dispose();
  });

  it('pairs that are none, and stores nothing of them', async () => {
    const good = { image, prompt: 'p', chosen: 'a', rejected: 'b' };
    for (const [given, ...words] of [
      [{ ...good, prompt: undefined }, 'prompt is missing; it must be text that is not empty.'],
      [{ ...good, prompt: ' ' }, 'prompt is " "'],
      [{ image }, 'prompt is missing', 'chosen is missing', 'rejected is missing'],
      [{ ...good, rejected: 'a' }, 'Both answers are the same text'],
      [{ ...good, rejected: ' a ' }, 'Both answers are the same text'],
      [{ ...good, chosen: 5 }, 'chosen is 5; it must be text'],
      [{ ...good, chosen: null }, 'chosen is null'],
      [{ ...good, image: null }, 'image is null', 'margin.images.add'],
      [{ ...good, image: 'nope' }, 'There is no image "nope"'],
      [{ ...good, image: {} }, 'image is an object'],
      [{ ...good, choosen: 'a' }, 'choosen: did you mean chosen?'],
      [undefined, 'margin.pairs.add takes an object with image, prompt, chosen and rejected', 'it was given nothing'],
      [null, 'it was given null'],
    ] as [unknown, ...string[]][]) {
      const message = await refused(() => loose.pairs.add(given));
      for (const word of words) expect(message, JSON.stringify(given)).to.contain(word);
    }
    untouched();
  });

  it('sampling by the ranges of the page’s own fields', async () => {
    for (const [key, { min, max }] of Object.entries(SETTING_RANGES)) {
      for (const call of [loose.sample, loose.pairs.byClip, loose.pairs.byTruth]) {
        for (const wrong of [min - 1, max + 1, Number.NaN, Infinity, '3', null, [1]]) {
          const message = await refused(() => call({ image: undefined, [key]: wrong }));
          expect(message, `${key} ${wrong}`)
            .to.match(new RegExp(`^${key} is `))
            .and.to.contain(`${min} to ${max}`);
        }
      }
    }
    for (const [given, word] of [
      [{ top_p: 0.9 }, 'top_p: did you mean topP?'],
      [{ max_new_tokens: 9 }, 'max_new_tokens: did you mean maxTokens?'],
      [{ prompt: '' }, 'prompt is ""'],
      [{ prompt: 7 }, 'prompt is 7'],
      [{ image: 7 }, 'image is 7'],
      [{ signal: {} }, 'signal is an object'],
      [null, 'margin.sample takes an object'],
    ] as [unknown, string][]) {
      expect(await refused(() => loose.sample(given)), JSON.stringify(given)).to.contain(word);
    }
    for (const [given, word] of [
      [{ images: [] }, 'images is an empty list; it must be a list of at least one'],
      [{ images: image.id }, 'it must be a list'],
      [{ images: [null] }, 'images[0] is null'],
      [{ keep: 0 }, 'keep is 0; it must be a whole number of at least 1.'],
      [{ keep: 1.5 }, 'keep is 1.5'],
      [{ image }, 'image: did you mean images?'],
    ] as [unknown, string][]) {
      for (const call of [loose.pairs.byClip, loose.pairs.byTruth]) {
        expect(await refused(() => call(given)), JSON.stringify(given)).to.contain(word);
      }
    }
    untouched();
  });

  it('scores of no text, of no picture, and by no model', async () => {
    for (const [given, word] of [
      [undefined, 'margin.clipScore takes an object'],
      [{ texts: ['a'] }, 'image is missing'],
      [{ image }, 'texts is missing'],
      [{ image, texts: [] }, 'texts is an empty list'],
      [{ image, texts: 'a cat' }, 'texts is "a cat"; it must be a list of at least one, such as ["a cat"'],
      [{ image, texts: ['a', ''] }, 'texts[1] is ""'],
      [{ image, texts: ['a', 5] }, 'texts[1] is 5'],
      [{ image, text: ['a'] }, 'text: did you mean texts?'],
    ] as [unknown, string][]) {
      expect(await refused(() => loose.clipScore(given)), JSON.stringify(given)).to.contain(word);
    }
    for (const [given, word] of [
      [undefined, 'margin.logps takes an object'],
      [{ image, prompt: 'p' }, 'response is missing'],
      [{ image, prompt: 'p', response: 5 }, 'response is 5'],
      [{ image, prompt: 'p', response: 'r', model: 'both' }, 'model is "both"; it must be one of policy, reference.'],
      [{ image, prompt: 'p', answer: 'r' }, 'answer: did you mean response?'],
    ] as [unknown, string][]) {
      expect(await refused(() => loose.logps(given)), JSON.stringify(given)).to.contain(word);
    }
    untouched();
  });

  it('rows that are no numbers, each by its number', async () => {
    const row = { chosen: -1, rejected: -2, refChosen: -1, refRejected: -2 };
    for (const [given, word] of [
      [{ pairs: [row, { ...row, chosen: '1' }] }, 'Pair 2 of 2: chosen is "1"'],
      [{ pairs: [row, null] }, 'pairs[1] is null'],
      [{ pairs: [{ ...row, ref_chosn: 1 }] }, 'Pair 1 of 1: ref_chosn: did you mean refChosen?'],
      [{ pairs: [{ ...row, rejected: Number.NaN }] }, 'Pair 1 of 1: rejected is NaN'],
      [{ pairs: row }, 'pairs is an object; it must be a list'],
      [{ pairs: [] }, 'There is no pair to evaluate yet'],
      [{ beta: 1 }, 'beta belongs in hyperparameters: { beta }.'],
      [{ objective: 5 }, 'objective is 5'],
      [{ objective: 'simpo', hyperparameters: { gama: 1 }, pairs: [row] }, 'did you mean gamma?'],
      [null, 'margin.evaluate takes an object'],
    ] as [unknown, string][]) {
      expect(await refused(() => loose.evaluate(given)), JSON.stringify(given)).to.contain(word);
    }
  });

  it('files that are none', async () => {
    const file = await plainPicture();
    for (const [given, word] of [
      [undefined, 'it was given nothing'],
      [null, 'it was given null'],
      [[], 'an empty list'],
      [file, 'one by itself'],
      ['cat.png', 'it was given "cat.png"'],
      [[file, 'cat.png'], 'File 2 of 2: it is "cat.png"'],
    ] as [unknown, string][]) {
      expect(await refused(() => loose.images.add(given))).to.contain(word);
    }
    for (const [given, word] of [
      [undefined, 'it was given nothing'],
      [new Uint8Array(), 'no bytes at all'],
      ['adapter.zip', '"adapter.zip"'],
      [file, 'an object'],
    ] as [unknown, string][]) {
      expect(await refused(() => loose.adapter.import(given)))
        .to.contain(word)
        .and.to.contain('Uint8Array');
    }
    expect(app.store.state.images).to.have.length(1);
  });

  it('nothing that is `undefined`: it counts as left out', async () => {
    const texts: string[] = [];
    const nothing = { prompt: undefined, n: undefined, maxTokens: undefined, image: undefined, signal: undefined };
    for await (const { text } of margin.sample(nothing as never)) texts.push(text);
    expect(texts).to.have.length(app.store.state.settings.n);
  });

  it('no row that a scored pair of its own has', async () => {
    const { row } = await margin.pairs.add({ image, prompt: 'p', chosen: 'a cat', rejected: 'b' });
    const { pairs } = await margin.evaluate({ objective: 'dpo_sigmoid', pairs: [row!] });
    expect(pairs[0].loss).to.be.closeTo(Math.LN2, 1e-9);
    const every = Object.fromEntries(Object.keys(INPUTS).map((name) => [name, 1]));
    await margin.evaluate({ objective: 'dpo_sigmoid', pairs: [{ ...row!, ...every }] });
  });
});

describe('a hyperparameter under another name', () => {
  it('takes the place of the page’s value in a run', async () => {
    const app = await makeTrainable();
    app.intents.setHyperparameter('simpo', 'gamma', 0.9);
    for await (const _ of createConsole(app).train({
      objective: 'simpo',
      hyperparameters: { beta: 2, gamma_beta_ratio: 0.25 },
      max_steps: 1,
    }));
    await stateWhere(app, ({ training }) => training.phase === 'idle', 'the end of the run');
    expect(app.training.run!.hyperparameters).to.deep.equal({ beta: 2, gamma: 0.5 });
    app.dispose();
  });
});
