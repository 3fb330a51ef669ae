/** Why the engine restarts, in words, and when restarting does not help. */
import { CancelledError, EngineLostError } from '../errors.ts';

/** More restarts than this with no work finished between them mean that restarting does not help. */
const MOST = 3;

const KEPT = 'Pairs, images and settings are kept; try again.';

export interface RestartReason {
  /** What the badge says during the restart. */
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
  #inARow = 0;

  add(): void {
    this.#inARow += 1;
  }

  /** Some work was finished: what went wrong before was not the engine as a whole. */
  worked(): void {
    this.#inARow = 0;
  }

  /** What to add to the error when restarting does not help; null while it may. */
  get hopeless(): string | null {
    return this.#inARow > MOST
      ? `This happened ${this.#inARow} times in a row. Close other tabs that use the GPU, then reload the page.`
      : null;
  }
}
