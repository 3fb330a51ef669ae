/**
 * Which world the loaded models are made for, and what happens when pictures of another one come in: the first
 * photographs switch Toybox to the photo models by themselves, which one press undoes; after that the page only asks.
 */
import type { EngineState, ModelFacts, ModelIds, World } from '../engine/engine.ts';
import { notify, type Running, withoutNotice } from './context.ts';
import type { Models } from './models.ts';
import { BUNDLED_MODELS } from './models.ts';
import type { AppState, ImageRecord, NoticeAction } from './state.ts';
import type { Store } from './store.ts';

/** The world of the loaded vision-language model; undefined while none is ready. */
export function worldLoaded(engine: EngineState): World | undefined {
  return engine.kind === 'ready' ? engine.facts.models.find(({ kind }) => kind === 'vlm')?.world : undefined;
}

export const worldOfImage = ({ scene }: Pick<ImageRecord, 'scene'>): World => (scene ? 'toybox' : 'photographs');

/** What is asked when pictures of a world come in and models of the other one are loaded. */
const QUESTION: Readonly<
  Record<World, { readonly words: (pictures: number) => string; readonly action: NoticeAction }>
> = {
  photographs: {
    words: (n) => `${n === 1 ? 'This is a photograph' : 'These are photographs'}, and Toybox is loaded.`,
    action: 'photo models',
  },
  toybox: {
    words: (n) =>
      `${n === 1 ? 'This is a Toybox scene' : 'These are Toybox scenes'}, and a model for photographs is loaded.`,
    action: 'toybox models',
  },
};

const SWITCHED = 'Photographs are outside Toybox’s world, so the photo models take over. Answers and pairs stay.';

/** How long a question stays, and the offer to go back once the models are there. */
const OFFER_MS = 30_000;

/** A switch now would end or put aside what the person is about: then it is asked for. */
const isInTheMiddle = ({ training, adapter }: AppState, running: ReadonlySet<Running>): boolean =>
  // Another activity may hide that answers are being sampled.
  training.phase !== 'idle' ||
  training.run !== null ||
  adapter !== null ||
  [...running].some(({ kind }) => kind === 'sample');

/** The notice that offers something, and the world whose models make it pointless once they are loaded. */
interface Offer {
  readonly notice: string;
  readonly until?: World;
}

export class Worlds {
  #store: Store<AppState>;
  #models: Models;
  #running: ReadonlySet<Running>;
  /** Ids of pictures that came in and were not decided about, because no model was ready. */
  #arrived: readonly string[] = [];
  #offer: Offer | null = null;
  /** What "Back to Toybox" goes back to. */
  #before: ModelIds | null = null;

  /** Settles when the models that pictures brought about are loaded, or could not be. */
  settled: Promise<void> = Promise.resolve();

  constructor(store: Store<AppState>, models: Models, running: ReadonlySet<Running>) {
    this.#store = store;
    this.#models = models;
    this.#running = running;
    store.subscribe(() => this.#look());
  }

  /** The vision-language model that the page is about to open with: what the link names, else the settings. */
  get expected(): string {
    return this.#models.wish.vlm ?? this.#store.state.settings.vlm;
  }

  /** Pictures came in, whichever way. Those of both worlds at once are left to the person. */
  came(pictures: readonly ImageRecord[]): void {
    this.#arrived = [...this.#arrived, ...pictures.map(({ id }) => id)];
    this.#look();
  }

  /** Loads models for a world in place of those that are not for it. What trains is paused, as by the pickers. */
  use(world: World): Promise<void> {
    const { engine } = this.#store.state;
    const loaded: readonly ModelFacts[] = engine.kind === 'ready' ? engine.facts.models : [];
    const fits = (key: 'vlm' | 'clip') => loaded.some((model) => model.kind === key && model.world === world);
    const { vlm, clip } = BUNDLED_MODELS[world];
    this.settled = this.#models.choose({ ...(!fits('vlm') && { vlm }), ...(!fits('clip') && { clip }) });
    return this.settled;
  }

  /** Undoes the switch that photographs brought about. */
  back(): Promise<void> {
    this.#meet();
    this.#withdraw();
    this.settled = this.#models.choose(this.#before ?? BUNDLED_MODELS.toybox);
    return this.settled;
  }

  #look(): void {
    const { engine, view } = this.#store.state;
    const loaded = worldLoaded(engine);
    if (!loaded) return;
    if (this.#offer?.until === loaded) this.#withdraw();
    // Who has had photo models and chose Toybox again wants Toybox.
    if (loaded === 'photographs' && !view.metPhotographs) this.#meet();
    if (this.#arrived.length === 0) return;
    const { state } = this.#store;
    // Those that are gone again decide nothing.
    const pictures = state.images.filter(({ id }) => this.#arrived.includes(id));
    this.#arrived = [];
    const worlds = new Set(pictures.map(worldOfImage));
    const [world] = worlds;
    if (worlds.size !== 1 || world === loaded) return;
    const middle = isInTheMiddle(state, this.#running);
    if (world === 'photographs' && !state.view.metPhotographs && !middle) void this.#switch();
    else this.#ask(world, pictures.length);
  }

  async #switch(): Promise<void> {
    const { vlm, clip } = this.#store.state.settings;
    this.#before = { vlm, clip };
    const notice = notify(this.#store, 'info', SWITCHED, 'back to toybox');
    this.#show({ notice });
    await this.use('photographs');
    if (this.#offer?.notice !== notice) return;
    if (worldLoaded(this.#store.state.engine) !== 'photographs') {
      // Cancelled, or it failed: from now on the page asks.
      this.#meet();
      return this.#withdraw();
    }
    this.#offer = { notice, until: 'toybox' };
    this.#withdrawLater();
  }

  #ask(world: World, pictures: number): void {
    const { words, action } = QUESTION[world];
    this.#show({ notice: notify(this.#store, 'info', words(pictures), action), until: world });
    this.#withdrawLater();
  }

  #meet(): void {
    this.#store.update((state) => ({ ...state, view: { ...state.view, metPhotographs: true } }));
  }

  #show(offer: Offer): void {
    this.#withdraw();
    this.#offer = offer;
  }

  #withdraw(): void {
    const offer = this.#offer;
    this.#offer = null;
    if (offer) this.#store.update((state) => withoutNotice(state, offer.notice));
  }

  #withdrawLater(): void {
    const offer = this.#offer;
    setTimeout(() => offer === this.#offer && this.#withdraw(), OFFER_MS);
  }
}
