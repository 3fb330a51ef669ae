/** The settings in the page's address. */
import type { AppState, Settings } from '../state.ts';
import type { Address } from './backend.ts';
import { decodeLink, encodeLink } from './link.ts';
import type { Restored } from './restored.ts';

/** Browsers refuse many changes of the address in a short time. */
const EVERY_MS = 100;
/** A reload goes to the address of the moment it began, which may have changed since. */
const REMEMBERED = 4;

export interface AddressFollower {
  /** Brings the address up to a state: at once, but not too often unless `now`. */
  follow(state: Pick<AppState, 'settings' | 'view'>, now?: boolean): void;
  /** Leaves the address alone from now on. */
  stop(): void;
  /** What this page wrote into the address, the newest first. */
  written(): readonly string[];
}

export function addressFollower(address: Address): AddressFollower {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let written: readonly string[] = [];
  let stopped = false;

  const follow: AddressFollower['follow'] = (state, now = false) => {
    clearTimeout(timer);
    if (stopped) return;
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
    const hash = address.hash();
    if (hash !== written[0]) written = [hash, ...written].slice(0, REMEMBERED);
  };
  const stop = (): void => {
    stopped = true;
    clearTimeout(timer);
  };
  return { follow, stop, written: () => written };
}

/**
 * What the link asks for that somebody opened; its models become settings when they have loaded. Nothing where the
 * address is what the page itself wrote there: then what is stored beside it is as new or newer.
 * @param written what `AddressFollower.written` was when the rest was stored
 */
export function linkedBy(address: Address, written?: unknown): Required<Pick<Restored, 'settings' | 'models'>> {
  const hash = address.hash();
  const own = Array.isArray(written) && (written[0] === hash || (address.reloaded() && written.includes(hash)));
  const { vlm, clip, ...settings }: Partial<Settings> = own ? {} : decodeLink(hash);
  return { settings, models: { ...(vlm && { vlm }), ...(clip && { clip }) } };
}
