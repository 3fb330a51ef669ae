/** Which page of a workspace saves: a Web Lock, and a channel to ask for it. */
import type { Backend } from './backend.ts';

/** A reloading page still holds the lock for a moment; a second tab holds it for good. */
const PATIENCE_MS = 1500;

/** Of browsers without Web Locks every page saves, and the last one to write is right. */
const NONE: Pick<Backend, 'claim' | 'release' | 'askFor' | 'onAsked'> = {
  claim: async () => true,
  release() {},
  askFor() {},
  onAsked() {},
};

export function browserLock(
  name: string,
  patienceMs = PATIENCE_MS,
): Pick<Backend, 'claim' | 'release' | 'askFor' | 'onAsked'> {
  if (!navigator.locks) return NONE;
  const channel = new BroadcastChannel(name);
  let letGo: (() => void) | null = null;
  /** Ends a request that still waits. */
  let waiting: AbortController | null = null;
  return {
    claim(granted) {
      const request = new AbortController();
      waiting?.abort();
      waiting = request;
      return new Promise((resolve) => {
        let late = false;
        const timer = setTimeout(() => {
          late = true;
          resolve(false);
        }, patienceMs);
        const held = () => {
          clearTimeout(timer);
          if (late) granted();
          else resolve(true);
          return new Promise<void>((release) => {
            letGo = release; // held until then, or until the page goes
          });
        };
        navigator.locks.request(name, { signal: request.signal }, held).catch(() => resolve(false));
      });
    },
    release() {
      waiting?.abort();
      waiting = null;
      letGo?.();
      letGo = null;
    },
    askFor() {
      channel.postMessage('let go');
    },
    onAsked(listener) {
      channel.addEventListener('message', () => {
        if (letGo) listener();
      });
    },
  };
}
