/**
 * A tensor: a dtype and a shape over a GPU buffer or a part of one, row-major, without strides.
 */
import { EngineError } from '../../errors.ts';
import type { DType } from './declare.ts';
import { decodeHalves, encodeHalves } from './f16.ts';

export type TensorData = Float32Array | Uint32Array | Int32Array;

export const BYTES: Readonly<Record<DType, number>> = { f32: 4, u32: 4, i32: 4, f16: 2 };

/** Bytes: the largest `minStorageBufferOffsetAlignment` a device may ask for. */
export const VIEW_ALIGNMENT = 256;

/** The buffer under one or more tensors. Foreign buffers (ORT's) are never pooled or destroyed by us. */
export interface Storage {
  readonly buffer: GPUBuffer;
  readonly label: string;
  /** Bytes taken from the pool; 0 for a foreign buffer. */
  readonly capacity: number;
  /** False once its scope was disposed. */
  alive: boolean;
}

export class Tensor {
  constructor(
    readonly storage: Storage,
    readonly dtype: DType,
    readonly shape: readonly number[],
    /** Where the tensor starts in its buffer. */
    readonly byteOffset = 0,
  ) {}

  get buffer(): GPUBuffer {
    return this.storage.buffer;
  }

  get label(): string {
    return this.storage.label;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Bytes bound and read back: exact, rounded up to whole words for `f16`. */
  get byteLength(): number {
    return byteLengthOf(this.dtype, this.shape);
  }

  /** Length of the last dimension. */
  get cols(): number {
    return this.shape[this.shape.length - 1]!;
  }

  /** Product of every dimension but the last. */
  get rows(): number {
    return this.size / this.cols;
  }

  /**
   * The same buffer under another shape.
   * @throws EngineError when the number of elements differs.
   */
  reshape(shape: readonly number[]): Tensor {
    if (sizeOf(shape) !== this.size) {
      throw new EngineError(`${this} cannot be reshaped to [${shape.join(', ')}]: the number of elements differs.`);
    }
    return new Tensor(this.storage, this.dtype, [...shape], this.byteOffset);
  }

  /**
   * A part of the same buffer, from element `start` on.
   * @throws EngineError when the part leaves the tensor, or starts where WebGPU cannot bind (a multiple of 256 bytes).
   */
  view(start: number, shape: readonly number[]): Tensor {
    const byteOffset = this.byteOffset + start * BYTES[this.dtype];
    if (start < 0 || start + sizeOf(shape) > this.size || byteOffset % VIEW_ALIGNMENT !== 0) {
      throw new EngineError(`${this} has no view of [${shape.join(', ')}] at element ${start}.`);
    }
    return new Tensor(this.storage, this.dtype, [...shape], byteOffset);
  }

  /** "hidden: f32 [7, 96]", as error messages name it. */
  toString(): string {
    return `${this.label}: ${this.dtype} [${this.shape.join(', ')}]`;
  }
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

export function byteLengthOf(dtype: DType, shape: readonly number[]): number {
  return Math.ceil((sizeOf(shape) * BYTES[dtype]) / 4) * 4;
}

/**
 * Bytes to upload for `data` as `dtype`. `f16` takes numbers and rounds them; the others take their own typed array.
 * @throws EngineError when the array's type or length does not fit.
 */
export function toBytes(dtype: DType, shape: readonly number[], data: TensorData | Uint16Array, label: string) {
  const expected = { f32: Float32Array, u32: Uint32Array, i32: Int32Array, f16: Uint16Array }[dtype];
  const array = dtype === 'f16' && data instanceof Float32Array ? encodeHalves(data) : data;
  if (!(array instanceof expected)) {
    throw new EngineError(`${label} is ${dtype} and takes a ${expected.name}, not a ${data.constructor.name}.`);
  }
  if (array.length !== sizeOf(shape)) {
    throw new EngineError(`${label} has shape [${shape.join(', ')}] but was given ${array.length} values.`);
  }
  const bytes = new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(byteLengthOf(dtype, shape));
  padded.set(bytes);
  return padded;
}

/** Values of `size` elements that lie at `offset` of a read-back; copies them out. `f16` comes back as f32. */
export function fromBytes(dtype: DType, bytes: ArrayBuffer, offset: number, size: number): TensorData {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes, offset, size).slice();
    case 'u32':
      return new Uint32Array(bytes, offset, size).slice();
    case 'i32':
      return new Int32Array(bytes, offset, size).slice();
    case 'f16':
      return decodeHalves(new Uint16Array(bytes, offset, size));
  }
}
