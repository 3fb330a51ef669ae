/** The settings in the page's address. */
import type { AppState } from '../state.ts';
import type { Address } from './backend.ts';
import { encodeLink } from './link.ts';

/** Browsers refuse many changes of the address in a short time. */
const EVERY_MS = 100;

/**
 * A function that brings the address up to a state: at once, but not too often unless `now`. What the store holds is
 * right where the two differ.
 */
export function addressFollower(address: Address): (state: Pick<AppState, 'settings' | 'view'>, now?: boolean) => void {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return function follow(state, now = false) {
    clearTimeout(timer);
    const wait = now ? 0 : last + EVERY_MS - performance.now();
    if (wait > 0) {
      timer = setTimeout(follow, wait, state, true);
      return;
    }
    last = performance.now();
    try {
      address.replaceHash(encodeLink(state.settings, state.view));
    } catch {
      // Too many changes for this browser; the next one brings the address up to date.
    }
  };
}
