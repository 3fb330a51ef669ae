/**
 * Runs one kernel the way every kernel must survive:
 *  - each tensor is followed by a guard inside the same binding. Guards behind inputs read as NaN (or a huge
 *    integer), so a read past the end poisons the result; guards behind outputs must come back untouched, so a write
 *    past the end is seen. (WebGPU clamps accesses to the binding: with an exact binding neither would show.)
 *    Kernels that ask `arrayLength` get exact bindings instead;
 *  - outputs start as NaN: an element nobody writes is seen;
 *  - every float that comes back is tested for NaN and infinity by its bits, because WGSL may assume there are none.
 */

import { decodeHalves } from '../../src/kernels/gpu/f16.ts';
import { type BindingSpec, type DType, type KernelSpec, Tensor, type TensorData } from '../../src/kernels/gpu/index.ts';
import { GPU_BUFFER_USAGE } from '../../src/kernels/gpu/pool.ts';
import { toBytes } from '../../src/kernels/gpu/tensor.ts';
import { type Random, random } from './random.ts';
import { sharedGpu } from './shared-gpu.ts';
import { expectClose, F32, type Tolerance } from './tolerance.ts';

export { sharedGpu } from './shared-gpu.ts';

/** Bytes of guard behind each tensor: a vec4 of every reach a tile may overshoot. */
const GUARD_BYTES = 1024;
/** A quiet NaN as f32, a NaN twice as f16, out of range as an index. */
const POISON = 0x7fc17fc1;
/** Guard behind what is written; no NaN, so that a poisoned value written past the end differs from it. */
const UNTOUCHED = 0xdeadbeef;

/** A tensor for the kernel: data for inputs and for what is read and written, only a shape for outputs. */
export interface TensorCase {
  readonly shape: readonly number[];
  /** Numbers; converted to the binding's dtype. */
  readonly data?: ArrayLike<number>;
}

export interface KernelRun<B extends Readonly<Record<string, BindingSpec>>> {
  readonly tensors: { readonly [K in keyof B]: TensorCase };
  readonly params?: Readonly<Record<string, number>>;
  readonly constants?: Readonly<Record<string, number>>;
}

class GuardedTensor extends Tensor {
  override get byteLength(): number {
    return super.byteLength + GUARD_BYTES;
  }
}

function typed(dtype: DType, data: ArrayLike<number>): TensorData {
  if (dtype === 'u32') return Uint32Array.from(data);
  if (dtype === 'i32') return Int32Array.from(data);
  return Float32Array.from(data);
}

/**
 * Runs `kernel` once and returns every binding that it writes.
 * @throws when a guard was overwritten, or a written float is NaN or infinite.
 */
export async function runKernel<B extends Readonly<Record<string, BindingSpec>>>(
  kernel: KernelSpec<B>,
  run: KernelRun<B>,
): Promise<Record<keyof B & string, TensorData>> {
  const gpu = await sharedGpu();
  const exact = kernel.files.some((file) => file.code.includes('arrayLength('));
  const guard = exact ? 0 : GUARD_BYTES;
  const buffers: GPUBuffer[] = [];
  const bound: Record<string, Tensor> = {};
  try {
    for (const [name, spec] of Object.entries(kernel.bindings)) {
      const { shape, data } = run.tensors[name] ?? fail(`${kernel.name}: the test gives no "${name}"`);
      const plain = new Tensor({ buffer: null as never, label: name, capacity: 0, alive: true }, spec.dtype, shape);
      const words = new Uint32Array((plain.byteLength + guard) / 4).fill(POISON);
      if (spec.access !== 'read') words.fill(UNTOUCHED, plain.byteLength / 4);
      if (data) new Uint8Array(words.buffer).set(toBytes(spec.dtype, shape, typed(spec.dtype, data), name));
      else if (spec.access !== 'write') fail(`${kernel.name}: "${name}" is read and needs data`);
      const buffer = gpu.device.createBuffer({
        label: name,
        size: words.byteLength,
        usage: GPU_BUFFER_USAGE.STORAGE | GPU_BUFFER_USAGE.COPY_SRC | GPU_BUFFER_USAGE.COPY_DST,
      });
      buffers.push(buffer);
      gpu.device.queue.writeBuffer(buffer, 0, words);
      const storage = { buffer, label: name, capacity: 0, alive: true };
      bound[name] = exact ? new Tensor(storage, spec.dtype, shape) : new GuardedTensor(storage, spec.dtype, shape);
    }
    await gpu.prepare([[kernel as KernelSpec, run.constants ?? {}]]);
    gpu.run(kernel as KernelSpec, bound, run.params, run.constants);

    const written = Object.entries(kernel.bindings).filter(([, spec]) => spec.access !== 'read');
    const raw = await gpu.readAll(
      written.map(([name]) => gpu.wrap(bound[name]!.buffer, 'u32', [bound[name]!.buffer.size / 4])),
    );
    const results: Record<string, TensorData> = {};
    written.forEach(([name, spec], i) => {
      const words = raw[i] as Uint32Array;
      const end = words.length - guard / 4;
      for (let at = end; at < words.length; at++) {
        if (words[at] !== UNTOUCHED) fail(`${kernel.name} writes ${at - end + 1} word(s) past the end of "${name}"`);
      }
      results[name] = decode(`${kernel.name}: "${name}"`, spec.dtype, words.slice(0, end), bound[name]!.size);
    });
    return results as Record<keyof B & string, TensorData>;
  } finally {
    for (const buffer of buffers) buffer.destroy();
  }
}

/** Typed values of raw words; fails on the first float whose exponent bits are all ones. */
function decode(what: string, dtype: DType, words: Uint32Array, size: number): TensorData {
  if (dtype === 'u32') return words;
  if (dtype === 'i32') return new Int32Array(words.buffer);
  const bits = dtype === 'f32' ? words : new Uint16Array(words.buffer, 0, size);
  const exponent = dtype === 'f32' ? 0x7f800000 : 0x7c00;
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i]! & exponent) >>> 0 !== exponent) continue;
    const untouched = dtype === 'f32' ? bits[i] === POISON : bits[i] === (POISON & 0xffff);
    fail(`${what}[${i}] is ${untouched ? 'never written (or read past an end)' : 'NaN or infinite'}`);
  }
  return dtype === 'f32' ? new Float32Array(words.buffer) : decodeHalves(bits as Uint16Array);
}

/** One size of a kernel's test: what goes in, and what the f64 reference says comes out. */
export interface KernelCase<B extends Readonly<Record<string, BindingSpec>>> extends KernelRun<B> {
  readonly expected: { readonly [K in keyof B]?: ArrayLike<number> };
}

/**
 * One `it` per size: builds the case with a seeded generator, runs it and compares every expected output. Give the
 * sizes 1, a prime and one past a multiple of the workgroup, at least.
 */
export function testKernel<B extends Readonly<Record<string, BindingSpec>>, S>(
  kernel: KernelSpec<B>,
  sizes: readonly S[],
  build: (size: S, random: Random) => KernelCase<B>,
  tolerance: Tolerance = F32,
): void {
  for (const size of sizes) {
    it(`${kernel.name} agrees with its reference at ${JSON.stringify(size)}`, async () => {
      const testCase = build(size, random(1));
      const results = await runKernel(kernel, testCase);
      for (const [name, expected] of Object.entries(testCase.expected)) {
        expectClose(
          results[name as keyof B & string],
          expected as ArrayLike<number>,
          tolerance,
          `${kernel.name} ${name}`,
        );
      }
    });
  }
}

function fail(message: string): never {
  throw new Error(message);
}
