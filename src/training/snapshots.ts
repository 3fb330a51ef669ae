/**
 * When a run is read back between its checkpoints: early, so that a run that has taken steps never stands at none; then as
 * often as takes a small share of the time, because a large adapter takes long to read.
 */

/** Least time between two. */
const LEAST_MS = 1000;
/** Of the run's time, at most. */
const SHARE = 0.05;

export class SnapshotClock {
  #step: number;
  #due = 0;

  /** @param step from which the run starts: its caller has that one. */
  constructor(step: number) {
    this.#step = step;
  }

  /** Whether it is time for one of this step. */
  due(step: number, now: number): boolean {
    return step > this.#step && now >= this.#due;
  }

  /** The caller has got this step, by a snapshot that took from `begin` to `end` or otherwise. */
  took(step: number, begin = 0, end = 0): void {
    this.#step = step;
    this.#due = Math.max(this.#due, end + Math.max(LEAST_MS, (end - begin) / SHARE));
  }
}
