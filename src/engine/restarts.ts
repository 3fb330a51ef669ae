/** Why the engine restarts, in words, and when restarting does not help. */
import { CancelledError, EngineLostError } from '../errors.ts';

/** More restarts than this within `WINDOW_MS` mean that something is wrong. */
const MOST = 3;
const WINDOW_MS = 60_000;

const KEPT = 'Pairs, images and settings are kept; try again.';

export interface RestartReason {
  /** For the badge, while it goes on. */
  readonly reason: string;
  /** What requests in flight are told. */
  readonly error: Error;
}

export const stoppedAnswering = (): RestartReason => ({
  reason: 'The engine stopped answering and is being restarted.',
  error: new EngineLostError(`The engine stopped answering and was restarted. ${KEPT}`),
});

/** @param detail what the browser said, or nothing. */
export const crashed = (detail: string): RestartReason => ({
  reason: 'The engine crashed and is being restarted.',
  error: new EngineLostError(`The engine crashed${detail} and was restarted. ${KEPT}`),
});

export const stoppedByPerson = (): RestartReason => ({
  reason: 'The current work was stopped; the models are being loaded again.',
  error: new EngineLostError(`The engine was stopped and restarted. ${KEPT}`),
});

/** What there is to say when a person cancelled the load and nothing was loaded before. */
export const unloaded = (): CancelledError =>
  new CancelledError('Loading the models was cancelled. Files already fetched are kept; try again when you like.');

export class Restarts {
  #times: number[] = [];

  add(now: number): void {
    this.#times = [...this.#times.filter((at) => now - at < WINDOW_MS), now];
  }

  /** What to add to the error when restarting does not help; null while it may. */
  get hopeless(): string | null {
    return this.#times.length > MOST
      ? `This happened ${this.#times.length} times within a minute. Close other tabs that use the GPU, then reload the page.`
      : null;
  }
}
