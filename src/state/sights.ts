/**
 * Lets the detector look at every photograph that nobody has looked at, one at a time and behind everything else: what
 * it sees is written beside the picture. Scenes know their own truth.
 */
import type { CallOptions, Engine, Truth } from '../engine/engine.ts';
import { CancelledError, DeviceLostError, EngineLostError, InputError, throwIfCancelled } from '../errors.ts';
import type { Seen } from '../photographs/index.ts';
import { truthOf } from '../preference/truth.ts';
import { fired } from '../signals.ts';
import { sentence } from './context.ts';
import type { ImageLibrary } from './images.ts';
import type { AppState, ImageRecord } from './state.ts';
import type { Store } from './store.ts';

/** Ends that may have had nothing to do with the picture: the next engine gets another chance. */
const passes = (error: unknown): boolean =>
  error instanceof CancelledError || error instanceof DeviceLostError || error instanceof EngineLostError;

/** A picture that cannot be looked at is left alone after so many tries. */
const ATTEMPTS = 2;

export class Sights {
  #store: Store<AppState>;
  #engine: Engine;
  #images: ImageLibrary;
  #looking = false;
  #failures = new Map<string, number>();
  /** What is being looked at behind everything else, so that nobody has it looked at twice. */
  #now: { readonly imageId: string; readonly seen: Promise<Seen> } | null = null;

  constructor(store: Store<AppState>, engine: Engine, images: ImageLibrary) {
    this.#store = store;
    this.#engine = engine;
    this.#images = images;
    store.subscribe(() => this.#wake());
    images.onAdded((id) => {
      if (!this.#failures.delete(id)) return;
      this.#writeError(id, undefined);
      this.#wake();
    });
  }

  /**
   * What the detector sees in a photograph, from the state where it has looked. Why it could not is written down too.
   * @throws what the engine throws, and InputError for a picture whose bytes are gone.
   */
  async of(imageId: string, options?: CallOptions): Promise<Seen> {
    const known = this.#record(imageId)?.seen;
    if (known) return known;
    if (this.#now?.imageId === imageId) {
      const behind = this.#now.seen.catch(() => undefined);
      const seen = await Promise.race([behind, fired(options?.signal)]);
      throwIfCancelled(options?.signal);
      if (seen) return seen;
    }
    return this.#look(imageId, options);
  }

  /** What is known of a picture's objects: by its scene, or by what the detector sees. @throws as `of` does. */
  async truth(imageId: string, options?: CallOptions): Promise<Truth> {
    const record = this.#record(imageId);
    if (!record) throw new InputError('This picture was removed.', 'image');
    return truthOf(record) ?? truthOf({ seen: await this.of(imageId, options) })!;
  }

  async #look(imageId: string, options?: CallOptions): Promise<Seen> {
    this.#writeError(imageId, undefined);
    try {
      const seen = await this.#engine.look({ image: await this.#images.input(imageId) }, options);
      this.#write(imageId, seen);
      return seen;
    } catch (error) {
      // Another look may have succeeded meanwhile.
      if (!passes(error) && !this.#record(imageId)?.seen) this.#writeError(imageId, sentence(error));
      throw error;
    }
  }

  #record(imageId: string): ImageRecord | undefined {
    return this.#store.state.images.find(({ id }) => id === imageId);
  }

  #next(): ImageRecord | undefined {
    return this.#store.state.images.find(
      ({ id, scene, seen }) => !scene && !seen && (this.#failures.get(id) ?? 0) < ATTEMPTS,
    );
  }

  #wake(): void {
    if (this.#looking || this.#store.state.engine.kind !== 'ready' || !this.#next()) return;
    this.#looking = true;
    void this.#work().finally(() => {
      this.#looking = false;
    });
  }

  async #work(): Promise<void> {
    for (let image = this.#next(); image && this.#store.state.engine.kind === 'ready'; image = this.#next()) {
      try {
        this.#now = { imageId: image.id, seen: this.#look(image.id) };
        await this.#now.seen;
      } catch (error) {
        if (error instanceof CancelledError) return;
        const times = (this.#failures.get(image.id) ?? 0) + 1;
        this.#failures.set(image.id, times);
        if (!passes(error)) continue;
        // The engine went, perhaps because of this picture.
        if (times >= ATTEMPTS) this.#writeError(image.id, sentence(error));
        return;
      } finally {
        this.#now = null;
      }
    }
  }

  #writeError(imageId: string, message: string | undefined): void {
    this.#store.update((state) => {
      const { [imageId]: before, ...others } = state.lookErrors;
      if (before === message) return state;
      return { ...state, lookErrors: message === undefined ? others : { ...others, [imageId]: message } };
    });
  }

  #write(imageId: string, seen: Seen): void {
    this.#writeError(imageId, undefined);
    this.#store.update((state) => ({
      ...state,
      images: state.images.map((image) => (image.id === imageId ? { ...image, seen } : image)),
    }));
  }
}
