/**
 * What a person points at just now: the picked candidate of the keyboard, the pair under the pointer. It passes
 * between elements, is kept nowhere and undone by nothing, so it is no part of the state.
 */
import type { ReactiveControllerHost } from 'lit';
import { Subscription } from '../../state/subscription.ts';

/** One changeable id; fires `change`. */
export class Pointed extends EventTarget {
  #id: string | null = null;

  get id(): string | null {
    return this.#id;
  }

  set id(id: string | null) {
    if (id === this.#id) return;
    this.#id = id;
    this.dispatchEvent(new Event('change'));
  }
}

export interface Pointers {
  /** The candidate that 1-9 picked; c and r act on it. */
  readonly candidate: Pointed;
  /** The pair under the pointer or the focus, in the list or as a dot on the curve. */
  readonly pair: Pointed;
}

const pointers = new WeakMap<object, Pointers>();

/** The pointers of one application object, made on first use. */
export function pointersOf(app: object): Pointers {
  let known = pointers.get(app);
  if (!known) {
    known = { candidate: new Pointed(), pair: new Pointed() };
    pointers.set(app, known);
  }
  return known;
}

/** Redraws its host when the pointed id changes. The source is a function because `app` is set after construction. */
export class FollowPointed {
  constructor(
    host: ReactiveControllerHost,
    readonly source: () => Pointed | undefined,
  ) {
    new Subscription(host, source, (pointed) => {
      const redraw = () => host.requestUpdate();
      pointed.addEventListener('change', redraw);
      return () => pointed.removeEventListener('change', redraw);
    });
  }

  get id(): string | null {
    return this.source()?.id ?? null;
  }
}
