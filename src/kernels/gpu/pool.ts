/**
 * Storage buffers come from here and go back here, so that a training step allocates nothing once warm.
 */
import { OutOfMemoryError } from '../../errors.ts';

/** Idle bytes kept before the oldest idle buffers are destroyed. */
const IDLE_LIMIT = 256 * 2 ** 20;

export const MIB = 2 ** 20;

/** "12.5 MiB", for messages. */
export function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 2 : 0)} MiB`;
}

/**
 * Capacity for a request: four steps per power of two, so that sequences of slightly different length share buffers
 * at a waste of at most a quarter.
 */
export function bucket(bytes: number): number {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 2));
  return Math.ceil(bytes / step) * step;
}

export class BufferPool {
  /** Insertion order is age: the first idle buffer has waited longest. */
  readonly #idle = new Map<GPUBuffer, number>();
  #idleBytes = 0;
  #liveBytes = 0;
  #peakBytes = 0;

  /**
   * @param watch hears of an allocation that the device refused, which WebGPU tells only later.
   * @param beforeDestroy called before buffers are destroyed: recorded commands may still name them.
   */
  constructor(
    readonly device: GPUDevice,
    readonly watch: (error: Promise<Error | null>) => void,
    readonly beforeDestroy: () => void,
  ) {}

  /** Bytes of buffers now held by tensors. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Highest `liveBytes` since the start or the last `resetPeak`. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Bytes of buffers kept for the next request. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }

  /**
   * A buffer of at least `bytes`, contents undefined.
   * @throws OutOfMemoryError when the device can never hold one buffer of this size.
   */
  take(bytes: number, label: string): { buffer: GPUBuffer; capacity: number } {
    const limit = this.device.limits.maxBufferSize;
    if (bytes > limit) {
      throw new OutOfMemoryError(
        `${label} needs one buffer of ${mib(bytes)}, and this GPU allows ${mib(limit)}. Use a smaller model, shorter answers or a smaller batch.`,
        label,
      );
    }
    const capacity = Math.min(bucket(bytes), Math.floor(limit / 4) * 4);
    const buffer = this.#reuse(capacity) ?? this.#create(capacity, label);
    this.#liveBytes += capacity;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return { buffer, capacity };
  }

  give(buffer: GPUBuffer, capacity: number): void {
    this.#liveBytes -= capacity;
    this.#idle.set(buffer, capacity);
    this.#idleBytes += capacity;
    if (this.#idleBytes > IDLE_LIMIT) this.trim(IDLE_LIMIT / 2);
  }

  /** Destroys idle buffers, oldest first, until at most `keep` bytes stay. */
  trim(keep = 0): void {
    if (this.#idleBytes <= keep) return;
    this.beforeDestroy();
    for (const [buffer, capacity] of this.#idle) {
      if (this.#idleBytes <= keep) break;
      this.#idle.delete(buffer);
      this.#idleBytes -= capacity;
      buffer.destroy();
    }
  }

  #reuse(capacity: number): GPUBuffer | undefined {
    for (const [buffer, size] of this.#idle) {
      if (size !== capacity) continue;
      this.#idle.delete(buffer);
      this.#idleBytes -= capacity;
      return buffer;
    }
    return undefined;
  }

  #create(size: number, label: string): GPUBuffer {
    this.device.pushErrorScope('out-of-memory');
    const buffer = this.device.createBuffer({
      label,
      size,
      usage: GPU_BUFFER_USAGE.STORAGE | GPU_BUFFER_USAGE.COPY_SRC | GPU_BUFFER_USAGE.COPY_DST,
    });
    const live = this.#liveBytes;
    this.watch(
      this.device.popErrorScope().then(
        (error) =>
          error &&
          new OutOfMemoryError(
            `The GPU has no room for ${label} (${mib(size)}; ${mib(live)} are in use). Use a smaller model, shorter answers or a smaller batch.`,
            label,
            { cause: error },
          ),
        () => null,
      ),
    );
    return buffer;
  }
}

/** The constants of the WebGPU specification, as literals: Node has no `GPUBufferUsage` global. */
export const GPU_BUFFER_USAGE = {
  MAP_READ: 0x0001,
  COPY_SRC: 0x0004,
  COPY_DST: 0x0008,
  UNIFORM: 0x0040,
  STORAGE: 0x0080,
  QUERY_RESOLVE: 0x0200,
} as const;

export const GPU_MAP_READ = 0x0001;
export const GPU_SHADER_STAGE_COMPUTE = 0x4;
