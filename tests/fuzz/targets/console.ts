/** What a script may hand to `window.margin`. */

import type { MarginConsole } from '../../../src/console.ts';
import { createConsole } from '../../../src/console.ts';
import { makeTrainable } from '../../support/trainable.ts';
import { mutateJson } from '../mutate.ts';
import { claim, type Target, unfitMessage } from '../target.ts';

interface Call {
  readonly method: string;
  readonly given: unknown[];
}

/** Stands for the page's first picture, whose id is known only when a page is there. */
const IMAGE = 'the first picture';

const METHODS: Record<string, (margin: MarginConsole, given: never[]) => unknown> = {
  'pairs.add': (margin, given) => margin.pairs.add(...(given as [never])),
  'pairs.byClip': (margin, given) => first(margin.pairs.byClip(...given)),
  'pairs.byTruth': (margin, given) => first(margin.pairs.byTruth(...given)),
  sample: (margin, given) => first(margin.sample(...given)),
  logps: (margin, given) => margin.logps(...(given as [never])),
  look: (margin, given) => margin.look(...(given as [never])),
  clipScore: (margin, given) => margin.clipScore(...(given as [never])),
  evaluate: (margin, given) => margin.evaluate(...given),
  train: (margin, given) => first(margin.train(...given)),
  'images.add': (margin, given) => margin.images.add(...(given as [never])),
};

/** The first thing an iterable gives; leaving it ends the work. */
async function first(items: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of items) return item;
  return undefined;
}

/** Objects of a call with the page's own picture in them. */
function withImage(value: unknown, id: string): unknown {
  if (value === IMAGE) return id;
  if (Array.isArray(value)) return value.map((each) => withImage(each, id));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withImage(each, id)]));
}

const row = { chosen: -17, rejected: -24, refChosen: -18, refRejected: -23, chosenLength: 10, rejectedLength: 12 };

export const consoleArguments: Target<Call> = {
  name: 'console',
  seeds: async () => [
    { method: 'pairs.add', given: [{ image: IMAGE, prompt: 'What is it?', chosen: 'A cat.', rejected: 'A dog.' }] },
    { method: 'pairs.byClip', given: [{ images: [IMAGE], n: 4, keep: 2, temperature: 1 }] },
    { method: 'pairs.byTruth', given: [{ images: [IMAGE], n: 4, keep: 2, temperature: 1 }] },
    { method: 'look', given: [{ image: IMAGE }] },
    { method: 'sample', given: [{ image: IMAGE, n: 1, temperature: 0.7, topP: 0.9, maxTokens: 8, seed: 3 }] },
    { method: 'logps', given: [{ image: IMAGE, prompt: 'What is it?', response: 'A cat.', model: 'policy' }] },
    { method: 'clipScore', given: [{ image: IMAGE, texts: ['A cat.', 'A dog.'] }] },
    { method: 'evaluate', given: [{ objective: 'dpo_sigmoid', hyperparameters: { beta: 0.1 }, pairs: [row, row] }] },
    {
      method: 'train',
      given: [{ objective: 'simpo', max_steps: 2, learning_rate: 1e-4, hyperparameters: { beta: 2 } }],
    },
    { method: 'images.add', given: [[]] },
  ],
  mutate: ({ method, given }, random) => {
    const changed = mutateJson({ given }, random, { beyond: true })?.given;
    return { method, given: Array.isArray(changed) ? changed : [changed] };
  },
  async run({ method, given }) {
    const app = await makeTrainable();
    try {
      const [{ id }] = app.store.state.images;
      await METHODS[method](createConsole(app), withImage(given, id) as never[]);
      for (const { message } of app.store.state.notices) {
        const unfit = unfitMessage(message);
        claim(!unfit, `a notice is unfit, ${unfit}: ${message}`);
      }
      JSON.stringify(app.store.state);
    } finally {
      app.intents.cancel?.();
      app.dispose();
    }
  },
};
