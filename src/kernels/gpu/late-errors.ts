/** What WebGPU reports after the fact: validation, memory, compilation, and the loss of the device. */
import { DeviceLostError } from '../../errors.ts';

/** How long a failed wait may stand before its cause, a lost device, is announced. */
const LOSS_GRACE_MS = 200;

export class LateErrors {
  readonly lost: Promise<GPUDeviceLostInfo>;
  /** Errors still on their way; each settles, and none rejects. */
  readonly #pending = new Set<Promise<void>>();
  /** Errors that arrived, by the order of their causes: a bad pipeline comes before the submit it spoils. */
  readonly #failures = new Map<number, Error>();
  #nextCause = 0;
  #lostError: DeviceLostError | null = null;

  /** @param onLost called once, when the device is gone. */
  constructor(device: GPUDevice, onLost: () => void) {
    this.lost = device.lost.then((info) => {
      this.#lostError = new DeviceLostError(
        `The GPU device was lost${info.message ? ` (${info.message.trim()})` : ''}. Saved work is kept; load the model again to go on.`,
      );
      onLost();
      return info;
    });
  }

  /** @throws DeviceLostError */
  assertAlive(): void {
    if (this.#lostError) throw this.#lostError;
  }

  /** An error that has no other way to who caused it. */
  add(error: Error): void {
    this.#failures.set(this.#nextCause++, error);
  }

  /** An error that may still come. */
  watch(error: Promise<Error | null>): void {
    const cause = this.#nextCause++;
    const settled = error.then((found) => {
      if (found) this.#failures.set(cause, found);
      this.#pending.delete(settled);
    });
    this.#pending.add(settled);
  }

  /** Gives the loss of the device, where that made a wait fail, the time to be announced. */
  async lossOrGrace(): Promise<void> {
    await Promise.race([this.lost, new Promise((resolve) => setTimeout(resolve, LOSS_GRACE_MS))]);
  }

  /** Throws the first error, once; those that follow from it go with it. A lost device keeps throwing. */
  async raise(): Promise<void> {
    await Promise.all(this.#pending);
    this.assertAlive();
    if (this.#failures.size === 0) return;
    const first = this.#failures.get(Math.min(...this.#failures.keys()))!;
    this.#failures.clear();
    throw first;
  }
}
