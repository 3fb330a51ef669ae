/**
 * GPU time of single dispatches, sampled: a kernel is measured about once a second, so that the numbers of the kernel
 * viewer cost next to nothing. Browsers quantise timestamps (100 µs in Chrome), so a short kernel may read 0.
 */
import { GPU_BUFFER_USAGE, GPU_MAP_READ } from './pool.ts';

/** Dispatches measured per submit, at most. */
const SLOTS = 32;
/**
 * Submits whose times may be on their way at once. A training step records all its submits in one go, and the first,
 * the forward pass, comes back only after them: with one set of buffers the backward kernels would never have a turn.
 */
const SETS = 8;
const INTERVAL_MS = 1000;

/** Timestamps of one submit, and the kernels they belong to. */
interface TimestampSet {
  readonly queries: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly readable: GPUBuffer;
  kernels: string[];
}

export class DispatchTimer {
  readonly #device: GPUDevice;
  readonly #available: boolean;
  readonly #lastClaimed = new Map<string, number>();
  readonly #microseconds = new Map<string, number>();
  /** Sets that wait for a submit. */
  readonly #free: TimestampSet[] = [];
  /** The set of the submit being recorded. */
  #current: TimestampSet | null = null;
  #made = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#available = device.features.has('timestamp-query');
  }

  /** Microseconds of the last measured dispatch of this kernel. */
  microseconds(kernel: string): number | undefined {
    return this.#microseconds.get(kernel);
  }

  /** Timestamps for a pass of its own when this kernel is due, else undefined. */
  claim(kernel: string): GPUComputePassTimestampWrites | undefined {
    if (!this.#available) return undefined;
    const now = performance.now();
    if (now - (this.#lastClaimed.get(kernel) ?? Number.NEGATIVE_INFINITY) < INTERVAL_MS) return undefined;
    this.#current ??= this.#free.pop() ?? this.#make();
    if (!this.#current || this.#current.kernels.length === SLOTS) return undefined;
    this.#lastClaimed.set(kernel, now);
    const slot = this.#current.kernels.push(kernel) - 1;
    return {
      querySet: this.#current.queries,
      beginningOfPassWriteIndex: slot * 2,
      endOfPassWriteIndex: slot * 2 + 1,
    };
  }

  /** Resolves this submit's timestamps; call before `encoder.finish()`. */
  resolve(encoder: GPUCommandEncoder): void {
    if (!this.#current) return;
    const { queries, resolved, readable, kernels } = this.#current;
    encoder.resolveQuerySet(queries, 0, kernels.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, readable, 0, kernels.length * 16);
  }

  /** Fetches the times in the background; call after the submit. */
  collect(): void {
    const set = this.#current;
    if (!set) return;
    this.#current = null;
    const { readable, kernels } = set;
    const bytes = kernels.length * 16;
    readable.mapAsync(GPU_MAP_READ, 0, bytes).then(
      () => {
        const stamps = new BigUint64Array(readable.getMappedRange(0, bytes));
        kernels.forEach((kernel, i) => {
          this.#microseconds.set(kernel, Math.max(0, Number(stamps[i * 2 + 1]! - stamps[i * 2]!) / 1000));
        });
        readable.unmap();
        set.kernels = [];
        this.#free.push(set);
      },
      // The device was lost: there is nothing to measure any more, and the loss is reported elsewhere.
      () => undefined,
    );
  }

  #make(): TimestampSet | null {
    if (this.#made === SETS) return null;
    this.#made++;
    const size = SLOTS * 2 * 8;
    return {
      queries: this.#device.createQuerySet({ label: 'dispatch times', type: 'timestamp', count: SLOTS * 2 }),
      resolved: this.#device.createBuffer({
        label: 'dispatch times resolved',
        size,
        usage: GPU_BUFFER_USAGE.QUERY_RESOLVE | GPU_BUFFER_USAGE.COPY_SRC,
      }),
      readable: this.#device.createBuffer({
        label: 'dispatch times read-back',
        size,
        usage: GPU_BUFFER_USAGE.MAP_READ | GPU_BUFFER_USAGE.COPY_DST,
      }),
      kernels: [],
    };
  }
}
