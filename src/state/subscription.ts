/** Keeps a Lit element subscribed to a source exactly as long as the element is on the page. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';

export class Subscription<S extends object> implements ReactiveController {
  #source: () => S | undefined;
  #subscribe: (source: S) => () => void;
  #unsubscribe: (() => void) | undefined;
  #followed: S | undefined;
  #connected = false;

  /**
   * @param source a function, because `app` reaches an element as a property after its constructor ran
   * @param subscribe called when the element comes onto the page, and for another source; returns what ends it
   */
  constructor(host: ReactiveControllerHost, source: () => S | undefined, subscribe: (source: S) => () => void) {
    this.#source = source;
    this.#subscribe = subscribe;
    host.addController(this);
  }

  hostConnected(): void {
    this.#connected = true;
    this.#connect();
  }

  hostUpdate(): void {
    this.#connect();
  }

  hostDisconnected(): void {
    this.#connected = false;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#followed = undefined;
  }

  #connect(): void {
    // An update that was asked for before the element left the page still comes after that; a source that it
    // subscribed to then would keep the element, and all that hangs on it, for ever.
    if (!this.#connected) return;
    const source = this.#source();
    if (!source || source === this.#followed) return;
    this.#unsubscribe?.();
    this.#followed = source;
    this.#unsubscribe = this.#subscribe(source);
  }
}
