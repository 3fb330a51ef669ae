/** Ties engine, store, intents, live numbers and persistence together. */
import type { Engine } from '../engine/engine.ts';
import type { Running } from './context.ts';
import { notify } from './context.ts';
import { INITIAL_STATE } from './defaults.ts';
import { LiveEvaluation } from './evaluation.ts';
import { History } from './history.ts';
import { ImageLibrary } from './images.ts';
import { createIntents, type Intents } from './intents/index.ts';
import { fetchPictures, persistenceHost } from './keeping.ts';
import { Models, withLoaded } from './models.ts';
import { type Persistence, withRestored } from './persistence.ts';
import { Scorer } from './scorer.ts';
import { Sights } from './sights.ts';
import type { AppState } from './state.ts';
import { Store } from './store.ts';
import { Forecast } from './training/forecast.ts';
import { Training } from './training.ts';
import { Worlds } from './worlds.ts';

/** What components get as their `app` property. */
export interface App {
  readonly store: Store<AppState>;
  readonly engine: Engine;
  readonly images: ImageLibrary;
  readonly intents: Intents;
  readonly evaluation: LiveEvaluation;
  /** Metrics of the runs and progress under way: what changes too often for the state. */
  readonly training: Training;
  /** What the run that Train would start takes, or why it cannot start. */
  readonly forecast: Forecast;
  /** What pictures of another world than the models' bring about. */
  readonly worlds: Worlds;
  /** Settles when the work of earlier visits and the settings of the link are in the state. */
  readonly restored: Promise<void>;
  /** Saves what is unsaved. */
  flush(): Promise<void>;
  /** The page is hidden for good, or frozen: saves, and lets another tab save from now on. */
  suspend(): Promise<void>;
  /** The page runs again. */
  resume(): void;
  dispose(): void;
}

/** Says what of a link was not used. */
function tellProblems(store: Store<AppState>, problems: readonly string[]): void {
  if (problems.length === 0) return;
  notify(store, 'error', `Not everything in the link can be used. ${problems.join(' ')} The rest of it is in place.`);
}

async function restore(
  store: Store<AppState>,
  images: ImageLibrary,
  training: Training,
  models: Models,
  persistence: Persistence,
): Promise<void> {
  const restored = await persistence.restore();
  await fetchPictures(store, images, restored.state.images ?? []);
  models.wish = restored.models ?? {};
  tellProblems(store, restored.problems ?? []);
  store.update((state) => withRestored(state, restored));
  await training.restore();
  persistence.begin(store.state);
  // Bytes of pictures deleted in earlier visits: undo can no longer ask for them.
  void persistence.sweep((id) => images.has(id));
}

export function createApp({ engine, persistence }: { engine: Engine; persistence: Persistence }): App {
  const store = new Store<AppState>({ ...INITIAL_STATE, engine: engine.state });
  const images = new ImageLibrary(persistence.bytes);
  const history = new History(store);
  const running = new Set<Running>();
  const scorer = new Scorer(store, engine, images, running);
  const sights = new Sights(store, engine, images);
  const training = new Training(store, engine, images, sights, persistence.runs, () => history.folders());
  const forecast = new Forecast(store, engine, images, training.fileFor);
  const evaluation = new LiveEvaluation(store, engine, training);
  const models = new Models(store, engine, persistence.starts);
  const worlds = new Worlds(store, models, running);
  const intents = createIntents({
    store,
    engine,
    images,
    history,
    persistence,
    scorer,
    sights,
    training,
    models,
    worlds,
    running,
  });
  persistence.host = persistenceHost(store, images, training);

  const restored = restore(store, images, training, models, persistence);
  const stop = [
    // What is loaded is what the settings say, before an adapter of theirs goes back in.
    engine.onState((state) => store.update((now) => withLoaded(now, state))),
    // Before anybody hears that the engine is ready: the adapter goes back in first.
    engine.onState((state) => training.engineChanged(state)),
    engine.onState((state) => store.update((now) => ({ ...now, engine: state }))),
    store.subscribe((state) => persistence.changed(state)),
    persistence.onLink((settings, view, problems) => {
      const { vlm, clip, ...rest } = settings;
      store.update((state) => ({
        ...state,
        settings: { ...state.settings, ...rest },
        view: { ...state.view, ...view },
      }));
      if (vlm || clip) {
        training.pause();
        void models.choose({ ...(vlm && { vlm }), ...(clip && { clip }) });
      }
      if (problems.length > 0) tellProblems(store, problems);
      else if (Object.keys(settings).length > 0) notify(store, 'success', 'The settings of the link are in place.');
    }),
  ];
  return {
    store,
    engine,
    images,
    intents,
    evaluation,
    training,
    forecast,
    worlds,
    restored,
    flush() {
      // Subscribers hear of a change a moment later, which a page that goes may not have.
      persistence.changed(store.state);
      return persistence.flush();
    },
    suspend() {
      persistence.changed(store.state);
      return persistence.suspend();
    },
    resume: () => persistence.resume(),
    dispose() {
      for (const { controller } of running) controller.abort();
      for (const unsubscribe of stop) unsubscribe();
      training.dispose();
      forecast.dispose();
      evaluation.dispose();
      images.dispose();
    },
  };
}
