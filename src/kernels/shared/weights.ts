/**
 * Frozen weight matrices, in the three forms a model file brings them. `f16` and `bf16` stay packed two to a `u32`:
 * half the memory, no `shader-f16` needed, and the same bits as in the file. A kernel that reads weights has one
 * WGSL file of its own and is joined with one of three readers, so there is one kernel per format.
 */

import { type BindingSpec, read, type WgslFile } from '../gpu/declare.ts';
import { fromHalf, toHalf } from '../gpu/f16.ts';
import type { Tensor } from '../gpu/tensor.ts';
import weightsBf16 from './weights-bf16.wgsl';
import weightsF16 from './weights-f16.wgsl';
import weightsF32 from './weights-f32.wgsl';

export type WeightFormat = 'f32' | 'f16' | 'bf16';

/** A matrix [out, width] on the GPU. The tensor is f32 [out, width], or u32 [out, width / 2] when packed. */
export interface Weight {
  readonly format: WeightFormat;
  readonly tensor: Tensor;
  readonly out: number;
  readonly width: number;
}

/** The reader that goes in front of a kernel's own file. */
export const weightReader: Readonly<Record<WeightFormat, WgslFile>> = {
  f32: weightsF32,
  f16: weightsF16,
  bf16: weightsBf16,
};

/** Declaration of the weights binding: [out, width], or [out, pairs] when packed (pairs = width / 2). */
export function weightBinding(format: WeightFormat, out: string): BindingSpec {
  return format === 'f32' ? read('f32', [out, 'width']) : read('u32', [out, 'pairs']);
}

/** `linear`, `linear-f16`, `linear-bf16`: the kernel's name for a format. */
export function formatName(name: string, format: WeightFormat): string {
  return format === 'f32' ? name : `${name}-${format}`;
}

/** Values packed as the format stores them, rounded to nearest even: for tests and benchmarks. */
export function packWeights(format: WeightFormat, values: Float32Array): Float32Array | Uint32Array {
  if (format === 'f32') return values;
  const halves = Uint16Array.from(values, format === 'f16' ? toHalf : toBfloat);
  return new Uint32Array(halves.buffer);
}

/** The numbers that packed weights stand for. */
export function unpackWeights(format: WeightFormat, packed: Float32Array | Uint32Array): Float32Array {
  if (format === 'f32') return packed as Float32Array;
  const halves = new Uint16Array(packed.buffer, packed.byteOffset, packed.byteLength / 2);
  return Float32Array.from(halves, format === 'f16' ? fromHalf : fromBfloat);
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** bfloat16 bits of a finite number, rounded to nearest even. */
function toBfloat(value: number): number {
  float[0] = value;
  return (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) >>> 16;
}

/** The number that bfloat16 bits stand for. */
function fromBfloat(half: number): number {
  bits[0] = half << 16;
  return float[0];
}
