/**
 * Which models are loaded, asked for and fallen back to. The settings name what is loaded: a choice becomes a setting,
 * and with it part of the link and of the next visit, when its models have loaded (`withLoaded`).
 */
import type { Engine, EngineState, ModelIds, World } from '../engine/engine.ts';
import { CancelledError, InputError, NoWebGpuError } from '../errors.ts';
import { notify, sentence } from './context.ts';
import { DEFAULT_SETTINGS } from './defaults.ts';
import { MOST_FAILURES, type Starts } from './persistence.ts';
import type { AppState } from './state.ts';
import type { Store } from './store.ts';

/** What is bundled for each world. The page opens with Toybox, which is what to fall back to. */
export const BUNDLED_MODELS: Readonly<Record<World, ModelIds>> = {
  toybox: { vlm: DEFAULT_SETTINGS.vlm, clip: DEFAULT_SETTINGS.clip },
  photographs: { vlm: 'photo-vlm', clip: 'photo-clip' },
};
const BUNDLED = BUNDLED_MODELS.toybox;

const same = (a: ModelIds, b: ModelIds): boolean => a.vlm === b.vlm && a.clip === b.clip;
const names = ({ vlm, clip }: ModelIds): string => `${vlm} and ${clip}`;

/** Numbers of another model say nothing about this one: answers on the table are scored again, pairs by `scoredBy`. */
function forgetScoresOf(state: AppState, key: 'vlm' | 'clip'): AppState {
  return {
    ...state,
    candidates: state.candidates.map((candidate) => {
      if (!candidate.text.trim() || candidate.status === 'streaming') return candidate;
      const gone = key === 'vlm' ? { tokens: [], logpSum: 0, reference: undefined } : { clip: undefined };
      return { ...candidate, ...gone, status: 'scoring', error: undefined } as const;
    }),
    pairs: state.pairs.map((pair) => (pair.error ? { ...pair, error: undefined } : pair)),
  };
}

/** The state with the settings naming what is loaded. An adapter belongs to its model; its run stays in the list. */
export function withLoaded(state: AppState, engine: EngineState): AppState {
  if (engine.kind !== 'ready') return state;
  let next = state;
  for (const key of ['vlm', 'clip'] as const) {
    const loaded = engine.facts.models.find(({ kind }) => kind === key)?.id;
    if (loaded === undefined || loaded === state.settings[key]) continue;
    next = forgetScoresOf({ ...next, settings: { ...next.settings, [key]: loaded } }, key);
    if (key === 'vlm') next = { ...next, adapter: null, training: { ...next.training, run: null } };
  }
  return next;
}

export class Models {
  #store: Store<AppState>;
  #engine: Engine;
  #starts: Starts;
  #loading: { readonly controller: AbortController; readonly wanted: ModelIds } | null = null;
  /** What a link asks for, until it was tried. */
  wish: Partial<ModelIds> = {};

  constructor(store: Store<AppState>, engine: Engine, starts: Starts) {
    this.#store = store;
    this.#engine = engine;
    this.#starts = starts;
  }

  get #active(): ModelIds {
    const { vlm, clip } = this.#store.state.settings;
    return { vlm, clip };
  }

  /** Loads what the link asks for, or the models of the settings: at the start, and after the engine became unavailable. */
  async start(): Promise<void> {
    const { wish } = this;
    this.wish = {};
    await this.#tryLoad({ ...this.#active, ...wish });
  }

  /** Loads another model. It becomes the setting when that worked; where it fails, the present ones stay. */
  async choose(change: Partial<ModelIds>): Promise<void> {
    const wanted = { ...(this.#loading?.wanted ?? this.#active), ...change };
    if (this.#loading ? same(wanted, this.#loading.wanted) : same(wanted, this.#active)) return;
    // Back to what is there.
    if (this.#loading && same(wanted, this.#active)) return this.cancel();
    await this.#load(wanted);
  }

  /** Ends the load under way. Models loaded before stay active; files already fetched are kept. */
  cancel(): void {
    this.#loading?.controller.abort();
  }

  /** Loads these unless they failed too often. */
  async #tryLoad(wanted: ModelIds): Promise<void> {
    const { count, why } = this.#starts.failures(wanted);
    if (count < MOST_FAILURES || same(wanted, BUNDLED)) return this.#load(wanted);
    this.#say(`${names(wanted)} could not be loaded ${count} times in a row. ${why}`, BUNDLED);
    await this.#load(BUNDLED);
  }

  async #load(wanted: ModelIds): Promise<void> {
    const mine = { controller: new AbortController(), wanted };
    this.#loading = mine;
    this.#starts.began(wanted);
    let error: unknown;
    try {
      await this.#engine.load(wanted, { signal: mine.controller.signal });
    } catch (caught) {
      error = caught;
    }
    // Another choice took its place.
    if (this.#loading !== mine) return;
    this.#loading = null;
    if (error === undefined) return this.#starts.worked();
    // Without WebGPU nothing loads, whatever is chosen.
    if (error instanceof CancelledError || error instanceof NoWebGpuError) this.#starts.left();
    else this.#starts.failed(sentence(error));
    await this.#failed(wanted, error);
  }

  async #failed(wanted: ModelIds, error: unknown): Promise<void> {
    const cancelled = error instanceof CancelledError;
    if (this.#engine.state.kind !== 'unavailable') {
      if (!cancelled) notify(this.#store, 'error', `${sentence(error)} The previously loaded models are still active.`);
      return;
    }
    // The page says at length why there is no WebGPU.
    if (error instanceof NoWebGpuError) return;
    const next = this.#instead(wanted, error);
    if (!next) return;
    if (!cancelled) this.#say(sentence(error), next);
    await this.#load(next);
  }

  /** What to load after these failed; null where only the person can tell. */
  #instead(wanted: ModelIds, error: unknown): ModelIds | null {
    const { subject } = error instanceof InputError ? error : {};
    const unknown = subject === 'vlm' || subject === 'clip' ? subject : undefined;
    const known = unknown ? { ...wanted, [unknown]: this.#active[unknown] } : this.#active;
    if (!same(wanted, known)) return known;
    if (same(wanted, BUNDLED) || error instanceof CancelledError) return null;
    // There is no such model, or no longer: trying again does not help.
    if (unknown) return { ...wanted, [unknown]: BUNDLED[unknown] };
    return this.#starts.failures(wanted).count >= MOST_FAILURES ? BUNDLED : null;
  }

  #say(why: string, instead: ModelIds): void {
    notify(this.#store, 'error', `${why} Loading ${names(instead)} instead. Everything else was kept.`);
  }
}
