/**
 * GPU time of the phases of a longer piece of work, such as forward and backward of a training step. Dispatches belong
 * to the phase that was named last. In every submit the first pass of a phase writes a timestamp at its beginning and
 * the last one at its end, so a phase's time holds the copies between its passes and no waiting between submits.
 */
import { EngineError } from '../../errors.ts';
import type { Command } from './encode.ts';
import { GPU_BUFFER_USAGE, GPU_MAP_READ } from './pool.ts';

/** The most that WebGPU allows in one set. */
const QUERIES = 4096;
const BYTES = QUERIES * 8;

/** The launcher, as far as the timer needs it. */
interface Host {
  submit(): void;
  /** @throws what went wrong on the GPU, its loss included. */
  idle(): Promise<void>;
}

export class PhaseTimer {
  readonly #device: GPUDevice;
  readonly #host: Host;
  readonly #record: (command: Command) => void;
  #set: { readonly queries: GPUQuerySet; readonly resolved: GPUBuffer; readonly readable: GPUBuffer } | null = null;
  #phase: string | null = null;
  /** Phases in the order of their pairs of timestamps; null once there were too many. */
  #segments: string[] | null = [];
  /** Whether dispatches are being timed. */
  measuring = false;

  constructor(device: GPUDevice, host: Host, record: (command: Command) => void) {
    this.#device = device;
    this.#host = host;
    this.#record = record;
  }

  /** Begins or ends measuring; meanwhile single kernels are not timed. Returns whether this device can. */
  measure(on: boolean): boolean {
    this.#host.submit();
    this.measuring = on && this.#device.features.has('timestamp-query');
    this.#segments = [];
    this.#phase = null;
    return this.measuring;
  }

  /** What is recorded from now on belongs to this phase; to none for null. Costs nothing while nothing is measured. */
  begin(name: string | null): void {
    if (this.measuring) this.#record({ type: 'phase', name });
  }

  /**
   * Timestamps of one submit's passes, by the index of the dispatch that begins the pass. Dispatches in a row share a
   * pass; anything else ends it.
   */
  plan(commands: readonly Command[]): ReadonlyMap<number, GPUComputePassTimestampWrites> {
    const writes = new Map<number, GPUComputePassTimestampWrites>();
    if (!this.measuring) return writes;
    let passes: number[] = [];
    let inPass = false;
    const close = () => {
      if (passes.length > 0 && this.#phase) this.#stamp(writes, this.#phase, passes[0], passes.at(-1)!);
      passes = [];
      inPass = false;
    };
    for (const [index, command] of commands.entries()) {
      if (command.type === 'phase') {
        close();
        this.#phase = command.name;
      } else if (command.type !== 'dispatch') {
        inPass = false;
      } else if (!inPass) {
        passes.push(index);
        inPass = true;
      }
    }
    close();
    return writes;
  }

  /**
   * Milliseconds per phase since the last call, after everything recorded so far; null where the phases were too many.
   * Waits for the GPU.
   * @throws DeviceLostError, or what else the GPU reports.
   */
  async read(): Promise<Record<string, number> | null> {
    await this.#host.idle();
    const segments = this.#segments;
    this.#segments = [];
    if (!segments || !this.#set) return segments && {};
    const { queries, resolved, readable } = this.#set;
    const bytes = segments.length * 16;
    if (bytes === 0) return {};
    const encoder = this.#device.createCommandEncoder({ label: 'phase times' });
    encoder.resolveQuerySet(queries, 0, segments.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, readable, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await readable.mapAsync(GPU_MAP_READ, 0, bytes).catch(async (cause) => {
      await this.#host.idle();
      throw new EngineError('The times of the phases could not be read back from the GPU.', undefined, { cause });
    });
    const stamps = new BigUint64Array(readable.getMappedRange(0, bytes));
    const times: Record<string, number> = {};
    segments.forEach((phase, i) => {
      times[phase] = (times[phase] ?? 0) + Math.max(0, Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6);
    });
    readable.unmap();
    return times;
  }

  #stamp(writes: Map<number, GPUComputePassTimestampWrites>, phase: string, first: number, last: number): void {
    if (!this.#segments || 2 * this.#segments.length + 2 > QUERIES) {
      this.#segments = null;
      return;
    }
    const { queries: querySet } = this.#make();
    const beginningOfPassWriteIndex = 2 * this.#segments.length;
    const endOfPassWriteIndex = beginningOfPassWriteIndex + 1;
    this.#segments.push(phase);
    if (first === last) {
      writes.set(first, { querySet, beginningOfPassWriteIndex, endOfPassWriteIndex });
    } else {
      writes.set(first, { querySet, beginningOfPassWriteIndex });
      writes.set(last, { querySet, endOfPassWriteIndex });
    }
  }

  #make() {
    const buffer = (usage: number) => this.#device.createBuffer({ label: 'phase times', size: BYTES, usage });
    this.#set ??= {
      queries: this.#device.createQuerySet({ label: 'phase times', type: 'timestamp', count: QUERIES }),
      resolved: buffer(GPU_BUFFER_USAGE.QUERY_RESOLVE | GPU_BUFFER_USAGE.COPY_SRC),
      readable: buffer(GPU_BUFFER_USAGE.MAP_READ | GPU_BUFFER_USAGE.COPY_DST),
    };
    return this.#set;
  }
}
