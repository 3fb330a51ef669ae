/**
 * All uniforms of one submit in one buffer: each run packs its parameters at the next 256-byte step, the whole is
 * uploaded with a single write before the commands go, and bind groups reach their part by dynamic offset.
 */
import type { ParamType, Solved } from './declare.ts';
import { GPU_BUFFER_USAGE } from './pool.ts';

/** Runs that one submit can hold. */
const SLOTS = 512;

export class UniformArena {
  readonly buffer: GPUBuffer;
  readonly #step: number;
  readonly #bytes: ArrayBuffer;
  readonly #view: DataView;
  #used = 0;

  constructor(readonly device: GPUDevice) {
    this.#step = Math.max(256, device.limits.minUniformBufferOffsetAlignment);
    this.#bytes = new ArrayBuffer(SLOTS * this.#step);
    this.#view = new DataView(this.#bytes);
    this.buffer = device.createBuffer({
      label: 'uniform arena',
      size: this.#bytes.byteLength,
      usage: GPU_BUFFER_USAGE.UNIFORM | GPU_BUFFER_USAGE.COPY_DST,
    });
  }

  /** True when the next `push` needs a submit first. */
  get full(): boolean {
    return this.#used === SLOTS;
  }

  /** Packs one struct of 4-byte scalars in declaration order; returns its dynamic offset. */
  push(params: Readonly<Record<string, ParamType>>, values: Solved): number {
    const start = this.#used++ * this.#step;
    let at = start;
    for (const [name, type] of Object.entries(params)) {
      const value = values[name]!;
      if (type === 'u32') this.#view.setUint32(at, value, true);
      else if (type === 'i32') this.#view.setInt32(at, value, true);
      else this.#view.setFloat32(at, value, true);
      at += 4;
    }
    return start;
  }

  /** Uploads what was packed; the queue runs it before the next submit and after the previous one. */
  upload(): void {
    if (this.#used === 0) return;
    this.device.queue.writeBuffer(this.buffer, 0, this.#bytes, 0, this.#used * this.#step);
    this.#used = 0;
  }
}

/** Bytes bound for a parameter struct: whole 16-byte rows, as the uniform address space wants. */
export function uniformBytes(params: Readonly<Record<string, ParamType>>): number {
  return Math.ceil((Object.keys(params).length * 4) / 16) * 16;
}
