/**
 * A small store: one frozen state, replaced by `update`, never mutated. Subscribers are told once per microtask,
 * however many updates happened in between.
 */

type Listener<S> = (state: S) => void;

/**
 * Freezes plain objects and arrays all the way down. Stops at what is frozen already, so that an update costs only
 * what it replaced; leaves blobs, typed arrays and other class instances alone.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}

export class Store<S extends object> {
  #state: S;
  #listeners = new Set<Listener<S>>();
  #scheduled = false;

  constructor(initial: S) {
    this.#state = deepFreeze(initial);
  }

  get state(): S {
    return this.#state;
  }

  /** Replaces the state by what `fn` returns. Returning the same object changes nothing and tells nobody. */
  update(fn: (state: S) => S): void {
    const next = fn(this.#state);
    if (next === this.#state) return;
    this.#state = deepFreeze(next);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const listener of [...this.#listeners]) {
        try {
          listener(this.#state);
        } catch (error) {
          // One listener's mistake must not keep the others from hearing; the console still shows it.
          reportError(error);
        }
      }
    });
  }

  /** Calls `listener` after changes; returns the unsubscribe function. */
  subscribe(listener: Listener<S>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
