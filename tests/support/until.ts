/** Waiting for what a test is about to look at: on conditions, never for a fixed time, and patient on a busy machine. */

/** Longer than any of these waits takes beside a full load; below the test runner's own limit. */
export const PATIENCE_MS = 90_000;

/** Looks again and again until the condition holds. @throws Error with `what` where it never does. */
export async function until(condition: () => boolean, what: string, ms = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${ms / 1000} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Settles when the condition holds, looking whenever `source` says that something changed. */
export function heard(
  source: { subscribe(listener: () => void): () => void },
  condition: () => boolean,
  what: string,
  ms = PATIENCE_MS,
): Promise<void> {
  if (condition()) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`waited ${ms / 1000} s in vain: ${what}`));
    }, ms);
    const stop = source.subscribe(() => {
      if (!condition()) return;
      clearTimeout(timer);
      stop();
      resolve();
    });
  });
}

/** Everything that was ready to run has run: promises, messages and timers without delay. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve));
}

/** Timers that a test moves by hand; `restore` gives the page its own back. */
export function fakeTimers(): { advance(ms: number): void; restore(): void } {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const waiting = new Map<number, { readonly at: number; readonly run: () => void }>();
  let now = 0;
  let next = 1e9;
  globalThis.setTimeout = ((run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) => {
    waiting.set(next, { at: now + ms, run: () => run(...given) });
    return next++;
  }) as typeof setTimeout;
  globalThis.clearTimeout = ((id?: number) => {
    if (!waiting.delete(id!)) clear(id);
  }) as typeof clearTimeout;
  return {
    advance(ms) {
      now += ms;
      const due = [...waiting].filter(([, { at }]) => at <= now).sort(([, a], [, b]) => a.at - b.at);
      for (const [id, { run }] of due) if (waiting.delete(id)) run();
    },
    restore() {
      globalThis.setTimeout = set;
      globalThis.clearTimeout = clear;
    },
  };
}
