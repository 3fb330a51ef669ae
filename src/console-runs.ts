/** Runs of the page's own work (sampling, pairing, training) as async iterables of what they give. */

import { defined, shown } from './check.ts';
import type {
  ConsoleCandidate,
  ConsolePair,
  ImageRef,
  PairByRequest,
  SampleSettings,
  TrainConfig,
} from './console-api.ts';
import { checkCall, checkTraining } from './console-schema.ts';
import type { StepMetrics } from './engine/engine.ts';
import { InputError } from './errors.ts';
import type { JudgeId } from './preference/judges.ts';
import { anySignal } from './signals.ts';
import type { App } from './state/app.ts';
import { whyNotPairBy } from './state/intents/ranking.ts';
import { whyNotSample } from './state/intents/sampling.ts';
import { scoreInputs } from './state/scores.ts';
import type { AppState, CandidateRecord, PairRecord } from './state/state.ts';

/** The id of an image that is on the page. @throws {InputError} for any other. */
export function imageNamed(state: AppState, image: ImageRef): string {
  const id = typeof image === 'string' ? image : image?.id;
  if (state.images.some((known) => known.id === id)) return id;
  throw new InputError(`There is no image ${shown(id)} on the page. Add it with margin.images.add first.`, 'image');
}

const candidateOf = ({ id, text, tokens, finish }: CandidateRecord): ConsoleCandidate => ({
  id,
  text,
  tokens,
  logps: tokens.map(({ logp }) => logp),
  finish,
});

export const pairOf = ({
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

/** One run of the page's own sampling as an async iterable of finished answers. */
export async function* sampleAnswers(
  app: App,
  request: SampleSettings & { image?: ImageRef; signal?: AbortSignal },
): AsyncIterable<ConsoleCandidate> {
  checkCall('sample', request);
  const { image, signal, ...settings } = defined(request);
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

const PAIR_CALLS = { clip: 'byClip', truth: 'byTruth' } as const satisfies Record<JudgeId, string>;

/** One run of the page's own pairing by a judge as an async iterable of pairs. */
export async function* pairsBy(app: App, judge: JudgeId, request: PairByRequest): AsyncIterable<ConsolePair> {
  checkCall(PAIR_CALLS[judge], request);
  const { images, keep, signal, ...settings } = defined(request);
  const { state } = app.store;
  const imageIds = images?.map((image) => imageNamed(state, image));
  const why = whyNotPairBy({ ...state, settings: { ...state.settings, ...settings } });
  if (why) throw new InputError(why);
  yield* reported<ConsolePair>(signal, async (either, report) => {
    let failure: unknown;
    await app.intents.pairBy(judge, {
      imageIds,
      settings,
      keep,
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
export async function* trainSteps(
  app: App,
  config: TrainConfig,
  options: { readonly signal?: AbortSignal },
): AsyncIterable<StepMetrics> {
  checkTraining(config);
  checkCall('trainOptions', options);
  const { signal } = options;
  const { objective, hyperparameters, reward, config: inner, ...outer } = config;
  const settings = { ...inner, ...outer };
  yield* reported<StepMetrics>(signal, (either, onStep) =>
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
  const run = work(signal ? anySignal([signal, controller.signal]) : controller.signal, (item) => {
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
