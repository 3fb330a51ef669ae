/**
 * `window.margin`: everything the page does, for the browser console and for scripts. Each call goes through the same
 * intents and the same engine as the buttons, so what a script does shows on the page.
 */
import type { MarginConsole } from './console-api.ts';
import { imageNamed, pairOf, pairsBy, sampleAnswers, trainSteps } from './console-runs.ts';
import { checkBytes, checkCall, checkEvaluation, checkFiles } from './console-schema.ts';
import type { EngineFacts, EvaluateRequest } from './engine/engine.ts';
import { fromErrorData, InputError } from './errors.ts';
import { evaluatePairsF64 } from './kernels/losses/families/evaluate-pairs.ts';
import { everyLoss, taggedLoss } from './kernels/losses/families/every.ts';
import type { App } from './state/app.ts';
import { hyperparameterValues, objectiveNamed } from './state/objectives.ts';
import { scoreInputs } from './state/scores.ts';
import type { AppState } from './state/state.ts';

export type * from './console-api.ts';

/** Settles with the first state that satisfies `found`. */
function firstState<T>(app: App, found: (state: AppState) => T | undefined): Promise<T> {
  const now = found(app.store.state);
  if (now !== undefined) return Promise.resolve(now);
  return new Promise((resolve) => {
    const stop = app.store.subscribe((state) => {
      const value = found(state);
      if (value === undefined) return;
      stop();
      resolve(value);
    });
  });
}

/** Device facts when the models are loaded. */
async function whenReady(app: App): Promise<EngineFacts> {
  const settled = await firstState(app, ({ engine }) =>
    engine.kind === 'ready' || engine.kind === 'unavailable' ? engine : undefined,
  );
  if (settled.kind === 'unavailable') throw fromErrorData(settled.error);
  return settled.facts;
}

/** The console API of one app. */
export function createConsole(app: App): MarginConsole {
  const { store, engine, images, intents } = app;
  const ready = whenReady(app);
  ready.catch(() => {}); // the page itself says why; only who asks for `ready` hears it here

  return {
    ready,
    images: {
      async add(files) {
        const records = await intents.addImages(checkFiles(files));
        // A script goes on with the models that its pictures brought about.
        await app.worlds.settled;
        return records.map(({ id, width, height }) => ({ id, width, height }));
      },
      list: () => store.state.images.map(({ id, name, width, height }) => ({ id, name, width, height })),
    },
    sample: (request = {}) => sampleAnswers(app, request),
    async clipScore(request) {
      checkCall('clipScore', request);
      const { image, texts, signal } = request;
      const picture = await images.input(imageNamed(store.state, image));
      return engine.clipScore({ image: picture, texts }, { signal });
    },
    async look(request) {
      checkCall('look', request);
      const { image, signal } = request;
      return intents.look(imageNamed(store.state, image), { signal });
    },
    async logps(request) {
      checkCall('logps', request);
      const { image, prompt, response, model = 'policy', signal } = request;
      const picture = await images.input(imageNamed(store.state, image));
      const result = await engine.logps({ image: picture, prompt, response, model }, { signal });
      return { ...result, logps: result.tokens.map(({ logp }) => logp) };
    },
    pairs: {
      async add(request) {
        checkCall('addPair', request);
        const { image, prompt, chosen, rejected } = request;
        const imageId = imageNamed(store.state, image);
        const id = intents.addPairOf({ imageId, prompt, chosen, rejected });
        const settled = await firstState(app, ({ pairs }) => {
          const pair = pairs.find((other) => other.id === id);
          return !pair || pair.scores || pair.error ? { pair } : undefined;
        });
        if (!settled.pair) throw new InputError('The pair was deleted before it was scored.', id);
        return pairOf(settled.pair);
      },
      list: () => store.state.pairs.map(pairOf),
      byClip: (request = {}) => pairsBy(app, 'clip', request),
      byTruth: (request = {}) => pairsBy(app, 'truth', request),
    },
    async evaluate(given = {}) {
      checkEvaluation(given);
      const { objective = store.state.settings.objective, hyperparameters, pairs } = given;
      const known = objectiveNamed(objective);
      const scored = store.state.pairs.filter(({ verdict, scores }) => verdict === 'preferred' && scores);
      const request: EvaluateRequest = {
        objective,
        hyperparameters: hyperparameters ?? (known ? hyperparameterValues(store.state.settings, known) : {}),
        rows: pairs ?? scored.map((pair) => ({ ...pair.scores!.row, ...scoreInputs(pair) })),
      };
      const { kind = 'pairwise' } = taggedLoss(objective) ?? {};
      const byEngine = kind === 'pairwise' && engine.state.kind === 'ready';
      return byEngine ? engine.evaluate(request) : evaluatePairsF64(request);
    },
    train: (config = {}, options = {}) => trainSteps(app, config, options),
    adapter: {
      export: () => engine.adapter.export(),
      import: async (bytes) => app.training.adopt(checkBytes(bytes)),
    },
    objectives: everyLoss.map(({ kind: family, loss: { id, label, hyperparameters } }) => {
      return { id, label, family, hyperparameters };
    }),
    intents,
    get state() {
      return store.state;
    },
    get settings() {
      return store.state.settings;
    },
  };
}

declare global {
  interface Window {
    margin: MarginConsole;
  }
}
