/** Connects a Lit element to the store: the element redraws when, and only when, what it selected changed. */
import type { ReactiveControllerHost } from 'lit';
import type { Store } from './store.ts';
import { Subscription } from './subscription.ts';

/** Equal by identity, or element by element / key by key one level deep. */
export function shallowEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) && Object.is((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

/**
 * `#images = new Select(this, () => this.app.store, (state) => state.images)`, then read `this.#images.value`.
 *
 * The store may be given as a function, because `app` reaches an element as a property after its constructor ran.
 * A selector may return a fresh object or array of the parts it reads: those are compared one level deep.
 */
export class Select<S extends object, T> {
  #store: () => Store<S> | undefined;
  #last: T | undefined;

  constructor(
    readonly host: ReactiveControllerHost,
    store: Store<S> | (() => Store<S> | undefined),
    readonly selector: (state: S) => T,
  ) {
    this.#store = typeof store === 'function' ? store : () => store;
    new Subscription(host, this.#store, (source) => {
      this.#last = this.selector(source.state);
      return source.subscribe((state) => {
        const next = this.selector(state);
        if (shallowEqual(next, this.#last)) return;
        this.#last = next;
        this.host.requestUpdate();
      });
    });
  }

  /** The selected part of the present state. */
  get value(): T {
    const store = this.#store();
    if (!store) throw new Error('The element was drawn before its app was set.');
    const next = this.selector(store.state);
    if (!shallowEqual(next, this.#last)) this.#last = next;
    return this.#last as T;
  }
}
