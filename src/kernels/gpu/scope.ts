/**
 * Buffers belong to scopes. A step opens a scope, makes its tensors in it and disposes it; what must outlive the step
 * is kept in another scope. A scope that is never disposed shows up in `Gpu.openScopes()`.
 */
import { EngineError } from '../../errors.ts';
import type { DType } from './declare.ts';
import type { BufferPool } from './pool.ts';
import { byteLengthOf, type Storage, Tensor, type TensorData } from './tensor.ts';

/** What a scope needs of the launcher. */
export interface ScopeHost {
  readonly pool: BufferPool;
  write(tensor: Tensor, data: TensorData | Uint16Array): void;
  clear(tensor: Tensor): void;
  closed(scope: Scope): void;
}

export class Scope {
  readonly #owned = new Set<Storage>();
  readonly #cleanups: (() => void)[] = [];
  #disposed = false;

  constructor(
    readonly host: ScopeHost,
    readonly label: string,
  ) {}

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Bytes held by this scope. */
  get bytes(): number {
    let bytes = 0;
    for (const storage of this.#owned) bytes += storage.capacity;
    return bytes;
  }

  /** Labels of the tensors held, for a leak report. */
  get labels(): string[] {
    return [...this.#owned].map((storage) => storage.label);
  }

  /**
   * A tensor with undefined contents: buffers are reused.
   * @throws OutOfMemoryError when one buffer cannot be that large; EngineError for an empty or fractional shape.
   */
  tensor(dtype: DType, shape: readonly number[], label: string): Tensor {
    this.#assertOpen(label);
    if (shape.length === 0 || shape.some((dim) => !Number.isInteger(dim) || dim < 1)) {
      throw new EngineError(`${label} cannot have shape [${shape.join(', ')}]: every dimension must be at least 1.`);
    }
    const { buffer, capacity } = this.host.pool.take(byteLengthOf(dtype, shape), `${this.label}/${label}`);
    const storage: Storage = { buffer, capacity, label, alive: true };
    this.#owned.add(storage);
    return new Tensor(storage, dtype, [...shape]);
  }

  /** A tensor of zeros. */
  zeros(dtype: DType, shape: readonly number[], label: string): Tensor {
    const tensor = this.tensor(dtype, shape, label);
    this.host.clear(tensor);
    return tensor;
  }

  /** A tensor holding `data`; `f16` also takes a Float32Array and rounds it. */
  upload(dtype: DType, shape: readonly number[], data: TensorData | Uint16Array, label: string): Tensor {
    const tensor = this.tensor(dtype, shape, label);
    this.host.write(tensor, data);
    return tensor;
  }

  /** Hands `tensor` to `other`, which will dispose it instead. */
  keep(tensor: Tensor, other: Scope): Tensor {
    other.#assertOpen(tensor.label);
    if (!this.#owned.delete(tensor.storage)) {
      throw new EngineError(`${tensor} is not held by scope "${this.label}".`);
    }
    other.#owned.add(tensor.storage);
    return tensor;
  }

  /** Gives one tensor back before the scope ends. */
  release(tensor: Tensor): void {
    if (!this.#owned.delete(tensor.storage)) {
      throw new EngineError(`${tensor} is not held by scope "${this.label}".`);
    }
    this.#return(tensor.storage);
  }

  /** Runs `cleanup` when the scope is disposed: for ORT's gpu-buffer outputs, which leak otherwise. */
  onDispose(cleanup: () => void): void {
    this.#assertOpen('a cleanup');
    this.#cleanups.push(cleanup);
  }

  /** Gives every buffer back. Calling it again does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const storage of this.#owned) this.#return(storage);
    this.#owned.clear();
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.host.closed(this);
  }

  #return(storage: Storage): void {
    storage.alive = false;
    this.host.pool.give(storage.buffer, storage.capacity);
  }

  #assertOpen(what: string): void {
    if (this.#disposed) throw new EngineError(`Scope "${this.label}" was disposed and cannot hold ${what}.`);
  }
}
