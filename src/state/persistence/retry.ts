/** Tries again what failed, ever more rarely. */
const FIRST_MS = 2000;
const LAST_MS = 60_000;

export interface Retry {
  /** Does the work after a while, in place of what else was waiting for it. */
  later(work: () => void): void;
  /** It works again: the next failure is tried again soon. */
  worked(): void;
  stop(): void;
}

export function createRetry(): Retry {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let after = FIRST_MS;
  const stop = (): void => clearTimeout(timer);
  return {
    later(work) {
      stop();
      timer = setTimeout(() => {
        after = Math.min(2 * after, LAST_MS);
        work();
      }, after);
    },
    worked() {
      stop();
      after = FIRST_MS;
    },
    stop,
  };
}
