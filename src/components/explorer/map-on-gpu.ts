/** The field of the map through the real preference-loss kernel, once the sliders rest and the engine is free. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { App } from '../../state/app.ts';
import { gridRows, type MapPicture, withValues } from './map-picture.ts';

/** Sliders rest when nothing has moved for this long. */
const REST_MS = 200;

/** What the field depends on, as a text. */
const keyOf = ({ landscape, domain, like }: MapPicture): string =>
  JSON.stringify([landscape.every.loss.id, landscape.values, domain, like]);

export class MapOnGpu implements ReactiveController {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #controller: AbortController | undefined;
  #asked = '';
  #answer: { readonly key: string; readonly values: Float64Array } | null = null;

  constructor(
    readonly host: ReactiveControllerHost,
    readonly app: () => App | undefined,
  ) {
    host.addController(this);
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer);
    this.#controller?.abort();
    this.#asked = '';
  }

  /** Whether the kernel's values of this picture are there. */
  covers(picture: MapPicture): boolean {
    return this.#answer?.key === keyOf(picture);
  }

  /** The picture with the kernel's values where they are known; asks for them where they are not. */
  over(picture: MapPicture): MapPicture {
    const key = keyOf(picture);
    if (this.#answer?.key === key) return withValues(picture, this.#answer.values);
    if (this.#asked !== key) {
      this.#asked = key;
      clearTimeout(this.#timer);
      this.#controller?.abort();
      this.#timer = setTimeout(() => void this.#ask(picture, key), REST_MS);
    }
    return picture;
  }

  async #ask(picture: MapPicture, key: string): Promise<void> {
    const app = this.app();
    const rows = gridRows(picture);
    const state = app?.store.state;
    if (!app || !rows || state?.engine.kind !== 'ready' || state.training.phase !== 'idle') return;
    const { every, values } = picture.landscape;
    const hyperparameters = Object.fromEntries(every.loss.hyperparameters.map((each) => [each.key, values[each.key]]));
    this.#controller = new AbortController();
    try {
      const request = { objective: every.loss.id, hyperparameters, rows };
      const { pairs, backend } = await app.engine.evaluate(request, { signal: this.#controller.signal });
      if (backend !== 'wgsl' || this.#asked !== key) return;
      this.#answer = { key, values: Float64Array.from(pairs, ({ loss }) => loss) };
      this.host.requestUpdate();
    } catch {
      // Superseded, or an engine that is gone: the float64 field stands.
    }
  }
}
