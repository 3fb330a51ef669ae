/**
 * Whether the run that Train would start fits the device, known before it is pressed: the engine plans it with the
 * code that plans a run that starts, whenever pairs, objective or settings change.
 */
import type { Engine } from '../../engine/engine.ts';
import { InputError, OutOfMemoryError } from '../../errors.ts';
import { sentence } from '../context.ts';
import type { ImageLibrary } from '../images.ts';
import { withPageNames } from '../scores.ts';
import { shallowEqual } from '../select.ts';
import type { AppState, RunRecord } from '../state.ts';
import type { Store } from '../store.ts';
import { engineItems, itemsOf } from './inputs.ts';
import { truthIsOwed } from './prompts.ts';
import { intendedRun, type RunIntent, runToContinue, whyNotTrain } from './run.ts';
import { configOf } from './settings.ts';

/** A slider under the hand, or pairs being scored one after another, ask once. */
const PAUSE_MS = 250;

export type Foretold =
  | {
      readonly kind: 'fits';
      readonly steps: number;
      /** Peak GPU bytes of a step beside the model. */
      readonly trainingBytes: number;
      /** Trainable numbers of the adapter. */
      readonly parameters: number;
    }
  | {
      readonly kind: 'refused';
      /** What does not fit, and what to lower. */
      readonly message: string;
    };

/** The file of the adapter that a run takes its next step from; throws an InputError when it is lost. */
export type FileFor = (run: Pick<RunRecord, 'from'> & Partial<RunRecord>) => Promise<Uint8Array | undefined>;

/** Everything a plan depends on. */
const partsOf = ({ engine, training, adapter, settings, pairs, images }: AppState) => ({
  engine: engine.kind,
  phase: training.phase,
  run: training.run,
  adapter: adapter?.key,
  settings,
  pairs,
  images,
});

export class Forecast {
  #store: Store<AppState>;
  #engine: Pick<Engine, 'plan'>;
  #images: ImageLibrary;
  #fileFor: FileFor;
  #listeners = new Set<() => void>();
  #stop: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | null = null;
  #parts: ReturnType<typeof partsOf> | undefined;
  /** The run that `#foretold` is about. */
  #key = '';
  #foretold: Foretold | null = null;

  constructor(store: Store<AppState>, engine: Pick<Engine, 'plan'>, images: ImageLibrary, fileFor: FileFor) {
    this.#store = store;
    this.#engine = engine;
    this.#images = images;
    this.#fileFor = fileFor;
    this.#stop = store.subscribe((state) => this.#look(state));
  }

  /** What is known of the run that Train would start; null while nothing can start, or before the engine has answered. */
  get now(): Foretold | null {
    return this.#foretold;
  }

  /** Why training cannot start now, as a sentence: something is missing, or the run was refused; null when it can. */
  whyNot(state: AppState): string | null {
    const why = whyNotTrain(state);
    if (why !== null) return why;
    return this.#foretold?.kind === 'refused' ? this.#foretold.message : null;
  }

  /** Called after every new forecast; returns the unsubscribe function. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  dispose(): void {
    this.#stop();
    this.#listeners.clear();
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  #look(state: AppState): void {
    const parts = partsOf(state);
    if (shallowEqual(parts, this.#parts)) return;
    this.#parts = parts;
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = null;
    if (state.training.phase !== 'idle') return;
    const can = whyNotTrain(state) === null;
    // A refusal must not outlive what was just mended; a number is near enough until the next one comes.
    if (!can || this.#foretold?.kind === 'refused') this.#set('', null);
    if (can) this.#timer = setTimeout(() => void this.#ask(), PAUSE_MS);
  }

  async #ask(): Promise<void> {
    const { state } = this.#store;
    const intent = intendedRun(state);
    const key = JSON.stringify({ ...intent, settings: configOf(intent.settings) });
    if (key === this.#key) return;
    const asking = new AbortController();
    this.#asking = asking;
    const foretold = await this.#foretell(state, intent, asking.signal);
    if (asking.signal.aborted) return;
    this.#asking = null;
    this.#set(foretold ? key : '', foretold);
  }

  async #foretell(state: AppState, intent: RunIntent, signal: AbortSignal): Promise<Foretold | null> {
    const { objective, hyperparameters, reward, settings } = intent;
    const items = itemsOf(state, intent);
    // The detector is looking, or Train will let it: what it sees changes nothing that a plan tells.
    if (truthIsOwed(items.prompts, reward)) return null;
    try {
      const given = await engineItems(items, this.#images, objective);
      const adapter = await this.#fileFor(runToContinue(state, intent) ?? intent);
      const request = { ...given, objective, hyperparameters, reward, adapter, ...configOf(settings) };
      const { steps, trainingBytes, parameters } = await this.#engine.plan(request, { signal });
      return { kind: 'fits', steps, trainingBytes, parameters };
    } catch (caught) {
      const error = withPageNames(caught, items.pairs, state.pairs);
      const refused = error instanceof InputError || error instanceof OutOfMemoryError;
      // Whatever else went wrong is told by what is pressed next.
      return refused ? { kind: 'refused', message: sentence(error) } : null;
    }
  }

  #set(key: string, foretold: Foretold | null): void {
    const same = this.#key === key && this.#foretold === foretold;
    this.#key = key;
    this.#foretold = foretold;
    if (!same) for (const listener of [...this.#listeners]) listener();
  }
}
