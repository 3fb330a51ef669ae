/**
 * The browser's Back closes what lies over the page. An overlay that opens gets one entry of the history, which goes when
 * it closes: nothing piles up, and Back does not leave the site while something is open.
 */
import type { AppState } from '../state.ts';
import type { Store } from '../store.ts';

/** What an entry says of itself: which page entry it belongs to, and whether it is that of an overlay over it. */
interface Mark {
  readonly page: number;
  readonly over: boolean;
}

/** Links that people open have entries without a mark. */
function markOf(state: unknown): Mark | undefined {
  return typeof state === 'object' && state !== null && 'margin' in state ? (state.margin as Mark) : undefined;
}

/** The entries of one page, as far as overlays are concerned. */
export class OverlayEntries {
  #history: Pick<History, 'state' | 'pushState' | 'replaceState' | 'back'>;
  #close: () => void;
  #open: boolean;
  /** The mark of the present entry, to tell where a traversal came from. */
  #present: Mark | undefined;
  /** On the way back to the page's entry, because the overlay was closed in the page. */
  #returning = false;

  /**
   * @param open whether something is open already: the link asked for it, or the page was loaded again.
   * @param close closes what is open.
   */
  constructor(
    history: Pick<History, 'state' | 'pushState' | 'replaceState' | 'back'>,
    open: boolean,
    close: () => void,
  ) {
    this.#history = history;
    this.#close = close;
    this.#present = markOf(history.state);
    this.#open = open;
    if (open) this.#enter();
    else this.#leave();
  }

  /** Something was opened over the page, or the last of it closed. */
  set open(open: boolean) {
    if (open === this.#open) return;
    this.#open = open;
    if (this.#returning) return; // decided when it has arrived
    if (open) this.#enter();
    else this.#leave();
  }

  /**
   * The present entry is another one now.
   * @returns whether both belong to one page: its address is then merely older than its settings, and nobody's link.
   */
  arrived(state: unknown): boolean {
    const from = this.#present;
    const to = markOf(state);
    this.#present = to;
    if (this.#returning) {
      this.#returning = false;
      if (this.#open) this.#enter();
    } else if (this.#open && !to?.over) this.#close();
    return from !== undefined && to !== undefined && from.page === to.page;
  }

  /** An entry for what opened, unless the present one is such an entry already (after Forward, or another load). */
  #enter(): void {
    if (this.#present?.over) return;
    const page = this.#present?.page ?? Date.now();
    this.#history.replaceState({ margin: { page, over: false } satisfies Mark }, '');
    this.#present = { page, over: true };
    this.#history.pushState({ margin: this.#present }, '');
  }

  #leave(): void {
    if (!this.#present?.over) return;
    this.#returning = true;
    this.#history.back();
  }
}

/** Has Back close the overlays of the page. Returns the function that ends it. */
export function closeWithBack(store: Store<AppState>, close: () => void): () => void {
  const isOpen = () => store.state.view.overlay !== 'none';
  const entries = new OverlayEntries(history, isOpen(), close);
  let own = false;
  const onPop = (event: PopStateEvent) => {
    own = entries.arrived(event.state);
  };
  const onHash = (event: Event) => {
    if (own) event.stopImmediatePropagation();
    own = false;
  };
  // Before those who take a new address for a link.
  addEventListener('popstate', onPop, { capture: true });
  addEventListener('hashchange', onHash, { capture: true });
  const stop = store.subscribe(() => {
    entries.open = isOpen();
  });
  return () => {
    stop();
    removeEventListener('popstate', onPop, { capture: true });
    removeEventListener('hashchange', onHash, { capture: true });
  };
}
