/**
 * GPU time of single dispatches, sampled: a kernel is measured about once a second, so that the numbers of the kernel
 * viewer cost next to nothing. Browsers quantise timestamps (100 µs in Chrome), so a short kernel may read 0.
 */
import { GPU_BUFFER_USAGE, GPU_MAP_READ } from './pool.ts';

/** Dispatches measured per submit, at most. */
const SLOTS = 32;
const INTERVAL_MS = 1000;

export class DispatchTimer {
  readonly #queries: GPUQuerySet | null = null;
  readonly #resolved: GPUBuffer | null = null;
  readonly #readable: GPUBuffer | null = null;
  readonly #lastMeasured = new Map<string, number>();
  readonly #microseconds = new Map<string, number>();
  #claimed: string[] = [];
  #inFlight = false;

  constructor(device: GPUDevice) {
    if (!device.features.has('timestamp-query')) return;
    const size = SLOTS * 2 * 8;
    this.#queries = device.createQuerySet({ label: 'dispatch times', type: 'timestamp', count: SLOTS * 2 });
    this.#resolved = device.createBuffer({
      label: 'dispatch times resolved',
      size,
      usage: GPU_BUFFER_USAGE.QUERY_RESOLVE | GPU_BUFFER_USAGE.COPY_SRC,
    });
    this.#readable = device.createBuffer({
      label: 'dispatch times read-back',
      size,
      usage: GPU_BUFFER_USAGE.MAP_READ | GPU_BUFFER_USAGE.COPY_DST,
    });
  }

  /** Microseconds of the last measured dispatch of this kernel. */
  microseconds(kernel: string): number | undefined {
    return this.#microseconds.get(kernel);
  }

  /** Timestamps for a pass of its own when this kernel is due, else undefined. */
  claim(kernel: string): GPUComputePassTimestampWrites | undefined {
    if (!this.#queries || this.#inFlight || this.#claimed.length === SLOTS) return undefined;
    const now = performance.now();
    if (now - (this.#lastMeasured.get(kernel) ?? Number.NEGATIVE_INFINITY) < INTERVAL_MS) return undefined;
    this.#lastMeasured.set(kernel, now);
    const slot = this.#claimed.push(kernel) - 1;
    return { querySet: this.#queries, beginningOfPassWriteIndex: slot * 2, endOfPassWriteIndex: slot * 2 + 1 };
  }

  /** Resolves this submit's timestamps; call before `encoder.finish()`. */
  resolve(encoder: GPUCommandEncoder): void {
    if (this.#claimed.length === 0) return;
    const bytes = this.#claimed.length * 16;
    encoder.resolveQuerySet(this.#queries!, 0, this.#claimed.length * 2, this.#resolved!, 0);
    encoder.copyBufferToBuffer(this.#resolved!, 0, this.#readable!, 0, bytes);
  }

  /** Fetches the times in the background; call after the submit. */
  collect(): void {
    if (this.#claimed.length === 0) return;
    const kernels = this.#claimed;
    this.#claimed = [];
    this.#inFlight = true;
    const buffer = this.#readable!;
    const bytes = kernels.length * 16;
    buffer.mapAsync(GPU_MAP_READ, 0, bytes).then(
      () => {
        const stamps = new BigUint64Array(buffer.getMappedRange(0, bytes));
        kernels.forEach((kernel, i) => {
          this.#microseconds.set(kernel, Math.max(0, Number(stamps[i * 2 + 1]! - stamps[i * 2]!) / 1000));
        });
        buffer.unmap();
        this.#inFlight = false;
      },
      // The device was lost: there is nothing to measure any more, and the loss is reported elsewhere.
      () => undefined,
    );
  }
}
