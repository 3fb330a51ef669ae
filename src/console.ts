/**
 * `window.margin`: everything the page does, for the browser console and for scripts. Each call goes through the same
 * intents and the same engine as the buttons, so what a script does shows on the page.
 */
import type {
  AdapterFacts,
  EngineFacts,
  EvaluateRequest,
  Evaluation,
  FinishReason,
  LogpsResult,
  PairRow,
  RewardChoice,
  StepMetrics,
  TokenScore,
} from './engine/engine.ts';
import { fromErrorData, InputError } from './errors.ts';
import { evaluatePairsF64 } from './kernels/losses/families/evaluate-pairs.ts';
import { type EveryLoss, everyLoss, taggedLoss } from './kernels/losses/families/every.ts';
import type { Hyperparameter } from './kernels/losses/objective.ts';
import type { App } from './state/app.ts';
import type { Intents } from './state/intents/index.ts';
import { whyNotPairByClip } from './state/intents/ranking.ts';
import type { SampleOptions } from './state/intents/sampling.ts';
import { whyNotSample } from './state/intents/sampling.ts';
import { hyperparameterValues, objectiveNamed } from './state/objectives.ts';
import { scoreInputs } from './state/scores.ts';
import type { AppState, CandidateRecord, PairRecord, Settings } from './state/state.ts';
import type { TrainingSettings } from './state/training/settings.ts';

/** An image: its id, or anything that has one, as `margin.images.add` returns. */
export type ImageRef = string | { readonly id: string };

export interface ConsoleCandidate {
  readonly id: string;
  readonly text: string;
  readonly tokens: readonly TokenScore[];
  /** Log-probability of each token, in nats, of the untempered distribution. */
  readonly logps: readonly number[];
  readonly finish: FinishReason | undefined;
}

/** A pair with what is known about it; `row` is missing until it is scored. */
export interface ConsolePair {
  readonly id: string;
  readonly image: string;
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
  readonly verdict: PairRecord['verdict'];
  readonly row?: PairRow;
  readonly clip?: PairRecord['clip'];
  readonly error?: string;
}

/** Settings of one run under TRL's and PEFT's names; what is not given comes from the page. */
export interface TrainConfig extends Partial<Omit<TrainingSettings, 'reward'>> {
  readonly objective?: string;
  readonly hyperparameters?: Readonly<Record<string, number>>;
  /** For objectives that sample their own answers: `clip`, `truth`, or weights such as `{ clip: 10, truth: 1 }`. */
  readonly reward?: RewardChoice;
  /** The same settings as those beside it, in an object of their own. */
  readonly config?: Partial<Omit<TrainingSettings, 'reward'>>;
}

type SampleSettings = NonNullable<SampleOptions['settings']>;

export interface MarginConsole {
  /** Settles with the device's facts when the models are loaded; rejects when the engine cannot run here. */
  readonly ready: Promise<EngineFacts>;
  readonly images: {
    /** Adds pictures. Files that cannot be used are left out and reported on the page. */
    add(files: Iterable<Blob>): Promise<{ id: string; width: number; height: number }[]>;
    list(): { id: string; name: string; width: number; height: number }[];
  };
  /**
   * Samples answers about an image (default: the selected one); what is not given comes from the page's settings.
   * Yields each answer as it is finished, while its tokens stream on the page. Leaving the loop early cancels.
   */
  sample(request?: SampleSettings & { image?: ImageRef; signal?: AbortSignal }): AsyncIterable<ConsoleCandidate>;
  /** Cosine similarities of an image with each text. */
  clipScore(request: { image: ImageRef; texts: readonly string[]; signal?: AbortSignal }): Promise<number[]>;
  /** Log-probability of each token of a response, end-of-utterance included, with their sum and number. */
  logps(request: {
    image: ImageRef;
    prompt: string;
    response: string;
    model?: 'policy' | 'reference';
    signal?: AbortSignal;
  }): Promise<LogpsResult & { readonly logps: readonly number[] }>;
  readonly pairs: {
    /** Adds a pair and settles when it is scored. */
    add(pair: { image: ImageRef; prompt: string; chosen: string; rejected: string }): Promise<ConsolePair>;
    list(): ConsolePair[];
    /**
     * Samples answers about each image (default: all on the page) and yields the pair that CLIP makes of them, as soon
     * as it is on the page; an image whose answers CLIP cannot tell apart gives none. `n` is 8 if not given, the rest
     * comes from the page's settings. Leaving the loop early cancels.
     */
    byClip(
      request?: SampleSettings & { images?: readonly ImageRef[]; signal?: AbortSignal },
    ): AsyncIterable<ConsolePair>;
  };
  /**
   * Loss, rewards, margin and gradients per pair, and batch means under TRL's names, computed by the WGSL kernel (by
   * the float64 reference where there is no WebGPU, and for losses that are not pairwise, which look at a pair as two
   * examples, a group of two, or two scores; `backend` tells). Without `pairs`: the page's own scored pairs.
   */
  evaluate(request?: {
    objective?: string;
    hyperparameters?: Readonly<Record<string, number>>;
    pairs?: readonly PairRow[];
  }): Promise<Evaluation>;
  /**
   * Trains on the page's pairs, as the Train button does: continues the paused run where nothing differs, else starts a
   * new one. Yields the metrics of each step. An aborted signal, or leaving the loop early, pauses.
   */
  train(config?: TrainConfig, options?: { signal?: AbortSignal }): AsyncIterable<StepMetrics>;
  readonly adapter: {
    /** The adapter as a ZIP of a PEFT folder. */
    export(): Promise<Uint8Array<ArrayBuffer>>;
    /** Puts an adapter (such a ZIP) to work. */
    import(bytes: Uint8Array): Promise<AdapterFacts>;
  };
  /** Every loss of every family; `train` takes any of them as `objective`. */
  readonly objectives: readonly {
    id: string;
    label: string;
    family: EveryLoss['kind'];
    hyperparameters: readonly Hyperparameter[];
  }[];
  /** Every intent of the page: what its buttons and keys call. */
  readonly intents: Intents;
  /** The present state: frozen, plain data. */
  readonly state: AppState;
  readonly settings: Settings;
}

/** The id of an image that is on the page. @throws {InputError} for any other. */
function imageNamed(state: AppState, image: ImageRef): string {
  const id = typeof image === 'string' ? image : image?.id;
  if (state.images.some((known) => known.id === id)) return id;
  throw new InputError(`There is no image "${id}". Add it with margin.images.add first.`, 'image');
}

const candidateOf = ({ id, text, tokens, finish }: CandidateRecord): ConsoleCandidate => ({
  id,
  text,
  tokens,
  logps: tokens.map(({ logp }) => logp),
  finish,
});

const pairOf = ({
  id,
  imageId,
  prompt,
  chosen,
  rejected,
  verdict,
  scores,
  clip,
  given,
  error,
}: PairRecord): ConsolePair => ({
  id,
  image: imageId,
  prompt,
  chosen,
  rejected,
  verdict,
  row: scores && { ...scores.row, ...scoreInputs({ clip, given }) },
  clip,
  error,
});

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

/** One run of the page's own sampling as an async iterable of finished answers. */
async function* sampleAnswers(
  app: App,
  request: SampleSettings & { image?: ImageRef; signal?: AbortSignal },
): AsyncIterable<ConsoleCandidate> {
  const { image, signal, ...settings } = request;
  const { state } = app.store;
  const imageId = image === undefined ? (state.selectedImage ?? undefined) : imageNamed(state, image);
  const why = whyNotSample({
    ...state,
    selectedImage: imageId ?? null,
    settings: { ...state.settings, ...settings },
  });
  if (why) throw new InputError(why);
  yield* reported<ConsoleCandidate>(signal, async (either, report) => {
    let failure: unknown;
    await app.intents.sample({
      imageId,
      settings,
      signal: either,
      onCandidate: (each) => report(candidateOf(each)),
      onError: (error) => {
        failure = error;
      },
    });
    if (failure) throw failure;
  });
}

/** One run of the page's own pairing by CLIP as an async iterable of pairs. */
async function* pairsByClip(
  app: App,
  request: SampleSettings & { images?: readonly ImageRef[]; signal?: AbortSignal },
): AsyncIterable<ConsolePair> {
  const { images, signal, ...settings } = request;
  const { state } = app.store;
  const imageIds = images?.map((image) => imageNamed(state, image));
  const why = whyNotPairByClip({ ...state, settings: { ...state.settings, ...settings } });
  if (why) throw new InputError(why);
  yield* reported<ConsolePair>(signal, async (either, report) => {
    let failure: unknown;
    await app.intents.pairByClip({
      imageIds,
      settings,
      signal: either,
      onPair: (pair) => report(pairOf(pair)),
      onError: (error) => {
        failure = error;
      },
    });
    if (failure) throw failure;
  });
}

/** One run of the page's own training as an async iterable of its steps. */
function trainSteps(app: App, config: TrainConfig, signal?: AbortSignal): AsyncIterable<StepMetrics> {
  const { objective, hyperparameters, reward, config: inner, ...outer } = config;
  const settings = { ...inner, ...outer };
  return reported<StepMetrics>(signal, (either, onStep) =>
    app.training.train({ objective, hyperparameters, reward, settings, signal: either, onStep }),
  );
}

/** What `work` reports, as an async iterable that ends with it. Leaving the loop early ends the work. */
async function* reported<T>(
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal, report: (item: T) => void) => Promise<unknown>,
): AsyncGenerator<T, void, undefined> {
  const controller = new AbortController();
  const items: T[] = [];
  let wake = () => {};
  let over = false;
  const run = work(signal ? AbortSignal.any([signal, controller.signal]) : controller.signal, (item) => {
    items.push(item);
    wake();
  });
  const ended = () => {
    over = true;
    wake();
  };
  run.then(ended, ended);
  try {
    while (!over || items.length > 0) {
      const next = items.shift();
      if (next) yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await run;
  } finally {
    if (!over) controller.abort();
  }
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
        const records = await intents.addImages(files);
        return records.map(({ id, width, height }) => ({ id, width, height }));
      },
      list: () => store.state.images.map(({ id, name, width, height }) => ({ id, name, width, height })),
    },
    sample: (request = {}) => sampleAnswers(app, request),
    async clipScore({ image, texts, signal }) {
      const picture = await images.input(imageNamed(store.state, image));
      return engine.clipScore({ image: picture, texts }, { signal });
    },
    async logps({ image, prompt, response, model = 'policy', signal }) {
      const picture = await images.input(imageNamed(store.state, image));
      const result = await engine.logps({ image: picture, prompt, response, model }, { signal });
      return { ...result, logps: result.tokens.map(({ logp }) => logp) };
    },
    pairs: {
      async add({ image, prompt, chosen, rejected }) {
        const imageId = imageNamed(store.state, image);
        if (!chosen.trim() || !rejected.trim()) throw new InputError('Both answers of a pair need text.');
        const id = intents.addPairOf({ imageId, prompt, chosen, rejected });
        const settled = await firstState(app, ({ pairs }) => {
          const pair = pairs.find((other) => other.id === id);
          return !pair || pair.scores || pair.error ? { pair } : undefined;
        });
        if (!settled.pair) throw new InputError('The pair was deleted before it was scored.', id);
        return pairOf(settled.pair);
      },
      list: () => store.state.pairs.map(pairOf),
      byClip: (request = {}) => pairsByClip(app, request),
    },
    async evaluate({ objective = store.state.settings.objective, hyperparameters, pairs } = {}) {
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
    train: (config = {}, { signal } = {}) => trainSteps(app, config, signal),
    adapter: {
      export: () => engine.adapter.export(),
      import: (bytes) => app.training.adopt(bytes),
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
