/**
 * The launcher: one object per device. It knows WebGPU and no mathematics.
 *
 * `run` records; nothing reaches the GPU before `submit` (or `read`, or a full batch). Errors that WebGPU reports late
 * (validation, out of memory, compile errors, device loss) are thrown by the next `read`, `readAll` or `idle`.
 */
import type { DeviceFacts, KernelReport } from '../../engine/engine.ts';
import { EngineError } from '../../errors.ts';
import type { BindingSpec, DType, KernelSpec } from './declare.ts';
import { openDevice } from './device.ts';
import { type Command, Encoder } from './encode.ts';
import { LateErrors } from './late-errors.ts';
import { PhaseTimer } from './phases.ts';
import { PipelineCache } from './pipeline.ts';
import { BufferPool } from './pool.ts';
import { ReadBack } from './readback.ts';
import { Reports } from './reports.ts';
import { Scope, type ScopeHost } from './scope.ts';
import { plan } from './solve.ts';
import { BYTES, byteLengthOf, Tensor, type TensorData, toBytes } from './tensor.ts';
import { DispatchTimer } from './timing.ts';
import { UniformArena } from './uniforms.ts';

/** Dispatches after which a submit happens by itself: keeps the GPU busy and a driver's watchdog calm. */
const BATCH = 128;

type Constants = Readonly<Record<string, number>>;

export interface GpuOptions {
  /** Entry point; the browser's own by default. */
  readonly gpu?: GPU;
}

/** Element ranges of a copy; all of the source by default. */
export interface CopyRange {
  readonly fromIndex?: number;
  readonly toIndex?: number;
  readonly count?: number;
}

export class Gpu implements ScopeHost {
  readonly pool: BufferPool;
  /** How long named phases of the work take. */
  readonly phases: PhaseTimer;
  readonly lost: Promise<GPUDeviceLostInfo>;
  readonly #pipelines: PipelineCache;
  readonly #arena: UniformArena;
  readonly #timer: DispatchTimer;
  readonly #encoder: Encoder;
  readonly #readBack: ReadBack;
  readonly #reports = new Reports();
  readonly #scopes = new Set<Scope>();
  readonly #commands: Command[] = [];
  /** Buffers the recorded commands touch: writing one of them has to wait for its turn. */
  readonly #touched = new Set<GPUBuffer>();
  readonly #late: LateErrors;
  /** How often the GPU has finished what somebody waited for: a sign of life, however slow it is. */
  finished = 0;
  readonly #substitutes = new Map<KernelSpec, KernelSpec>();
  #selfCheck: DeviceFacts['selfCheck'] = [];

  /**
   * Opens a device with the adapter's full limits.
   * @throws NoWebGpuError where there is none.
   */
  static async create(options: GpuOptions = {}): Promise<Gpu> {
    const { device, facts } = await openDevice(options.gpu);
    return new Gpu(device, facts);
  }

  private constructor(
    readonly device: GPUDevice,
    readonly baseFacts: Omit<DeviceFacts, 'selfCheck'>,
  ) {
    this.#late = new LateErrors(device, () => {
      this.#commands.length = 0;
    });
    this.lost = this.#late.lost;
    const watch = (error: Promise<Error | null>) => this.#late.watch(error);
    this.pool = new BufferPool(device, watch, () => {
      this.submit();
      this.#encoder.forget();
    });
    this.#pipelines = new PipelineCache(device, watch);
    this.#arena = new UniformArena(device);
    this.#timer = new DispatchTimer(device);
    this.phases = new PhaseTimer(device, this, (command) => this.#commands.push(command));
    this.#encoder = new Encoder(device, this.#arena, this.#timer, this.phases);
    this.#readBack = new ReadBack(device);
    device.addEventListener('uncapturederror', (event) => {
      this.#late.add(new EngineError(`The GPU reports an error: ${event.error.message}`));
      console.error(event.error.message);
    });
  }

  get facts(): DeviceFacts {
    return { ...this.baseFacts, selfCheck: this.#selfCheck };
  }

  /** Results of the start-up self-check (see `self-check.ts`). */
  setSelfCheck(results: DeviceFacts['selfCheck']): void {
    this.#selfCheck = results;
  }

  /** From now on `run` and `prepare` take `fast` wherever `plain` is asked for; both have one declaration. */
  substitute(plain: KernelSpec, fast: KernelSpec): void {
    this.#substitutes.set(plain, fast);
  }

  /** Bytes of buffers held by tensors. */
  get liveBytes(): number {
    return this.pool.liveBytes;
  }

  /** Highest `liveBytes` so far, or since `resetPeak`. */
  get peakBytes(): number {
    return this.pool.peakBytes;
  }

  resetPeak(): void {
    this.pool.resetPeak();
  }

  /** A new scope. Dispose it, or it is listed by `openScopes`. */
  scope(label: string): Scope {
    const scope = new Scope(this, label);
    this.#scopes.add(scope);
    return scope;
  }

  /** Scopes not yet disposed: what a leak test looks at. */
  openScopes(): { label: string; bytes: number; tensors: string[] }[] {
    return [...this.#scopes].map((scope) => ({ label: scope.label, bytes: scope.bytes, tensors: scope.labels }));
  }

  closed(scope: Scope): void {
    this.#scopes.delete(scope);
  }

  /**
   * A tensor over a buffer that is not ours (ORT's output). Binds exactly the bytes of `shape`: ORT pads its buffers.
   * @throws EngineError when the buffer is too small.
   */
  wrap(buffer: GPUBuffer, dtype: DType, shape: readonly number[]): Tensor {
    const bytes = byteLengthOf(dtype, shape);
    const label = buffer.label || 'foreign buffer';
    if (bytes > buffer.size) {
      throw new EngineError(`${label} has ${buffer.size} bytes and cannot hold ${dtype} [${shape.join(', ')}].`);
    }
    return new Tensor({ buffer, label, capacity: 0, alive: true }, dtype, [...shape]);
  }

  /** Uploads `data`. Takes its turn after every command recorded so far that touches the tensor. */
  write(tensor: Tensor, data: TensorData | Uint16Array): void {
    this.#assertUsable(tensor);
    const bytes = toBytes(tensor.dtype, tensor.shape, data, tensor.label);
    if (this.#touched.has(tensor.buffer)) this.submit();
    this.device.queue.writeBuffer(tensor.buffer, tensor.byteOffset, bytes);
  }

  /** Records filling with zeros. */
  clear(tensor: Tensor): void {
    this.#assertUsable(tensor);
    const { buffer, byteOffset: fromByte, byteLength: bytes } = tensor;
    this.#record({ type: 'clear', buffer, fromByte, bytes }, [tensor]);
  }

  /**
   * Records a copy of `count` elements (default: all of `from`) between tensors of one dtype.
   * @throws EngineError when dtypes differ, a range leaves its tensor or is not whole 4-byte words.
   */
  copy(from: Tensor, to: Tensor, range: CopyRange = {}): void {
    const { fromIndex = 0, toIndex = 0 } = range;
    const count = range.count ?? from.size - fromIndex;
    this.#assertUsable(from);
    this.#assertUsable(to);
    const size = BYTES[from.dtype];
    const [fromByte, toByte, bytes] = [
      from.byteOffset + fromIndex * size,
      to.byteOffset + toIndex * size,
      count * size,
    ];
    const aligned = (fromByte | toByte | bytes) % 4 === 0;
    if (from.dtype !== to.dtype || fromIndex + count > from.size || toIndex + count > to.size || !aligned) {
      throw new EngineError(`Cannot copy ${count} elements from ${from} at ${fromIndex} to ${to} at ${toIndex}.`);
    }
    this.#record({ type: 'copy', from: from.buffer, fromByte, to: to.buffer, toByte, bytes }, [from, to]);
  }

  /**
   * Records one dispatch. Dimensions are solved from the tensors; parameters that are no dimension are given.
   * Compiles on the spot what `prepare` has not compiled.
   * @throws EngineError, OutOfMemoryError as `plan` does; DeviceLostError.
   */
  run<B extends Readonly<Record<string, BindingSpec>>>(
    plain: KernelSpec<B>,
    tensors: { readonly [K in keyof B]: Tensor },
    params: Readonly<Record<string, number>> = {},
    constants: Constants = {},
  ): void {
    this.#late.assertAlive();
    const kernel = this.#substitutes.get(plain) ?? plain;
    const { solved, workgroups } = plan(kernel, tensors, params, constants, this.device.limits);
    const compiled = this.#pipelines.now(kernel, constants);
    if (this.#arena.full) this.submit();
    const uniformOffset = kernel.params ? this.#arena.push(kernel.params, solved) : 0;
    const bound = Object.keys(kernel.bindings).map((name) => tensors[name]!);
    this.#reports.ran(kernel, tensors, workgroups);
    this.#record({ type: 'dispatch', kernel, compiled, tensors: bound, uniformOffset, workgroups }, bound);
  }

  /** Sends everything recorded to the GPU. */
  submit(): void {
    if (this.#commands.length === 0) return;
    const commands = this.#commands.splice(0);
    this.#touched.clear();
    this.device.pushErrorScope('validation');
    this.#arena.upload();
    this.device.queue.submit([this.#encoder.encode(commands)]);
    this.#timer.collect();
    this.#late.watch(
      this.device.popErrorScope().then(
        (error) => error && new EngineError(`A GPU command is not valid: ${error.message}`),
        () => null,
      ),
    );
  }

  /** Values of one tensor; see `readAll`. */
  async read(tensor: Tensor): Promise<TensorData> {
    return (await this.readAll([tensor]))[0]!;
  }

  /** Values of several tensors with one round trip, after everything recorded so far. `f16` comes back as f32. */
  async readAll(tensors: readonly Tensor[]): Promise<TensorData[]> {
    for (const tensor of tensors) this.#assertUsable(tensor);
    this.submit();
    let values: TensorData[];
    try {
      values = await this.#readBack.read(tensors);
    } catch (cause) {
      await this.#late.lossOrGrace();
      await this.#late.raise();
      throw new EngineError(`Reading back from the GPU failed: ${(cause as Error).message}`, undefined, { cause });
    }
    this.finished += 1;
    await this.#late.raise();
    return values;
  }

  /** Waits until the GPU has done everything recorded so far. */
  async idle(): Promise<void> {
    this.submit();
    await this.device.queue.onSubmittedWorkDone().catch(() => this.#late.lossOrGrace());
    this.finished += 1;
    await this.#late.raise();
  }

  /**
   * Compiles kernels without blocking, each with its default constants or with those given.
   * @throws EngineError with `file:line` of the WGSL.
   */
  async prepare(kernels: readonly (KernelSpec | readonly [KernelSpec, Constants])[]): Promise<void> {
    await Promise.all(
      kernels.map((item) => {
        const [kernel, constants] = isPair(item) ? item : [item, {}];
        return this.#pipelines.prepare(this.#substitutes.get(kernel) ?? kernel, constants);
      }),
    );
  }

  /** What each kernel did last, for the kernel viewer: those given first, then any other that ran. */
  reports(kernels: readonly KernelSpec[] = []): KernelReport[] {
    return this.#reports.list(kernels, this.#timer);
  }

  /** Loses the device on purpose and frees its memory. */
  destroy(): void {
    this.#commands.length = 0;
    this.device.destroy();
  }

  #record(command: Command, tensors: readonly Tensor[]): void {
    this.#late.assertAlive();
    this.#commands.push(command);
    for (const tensor of tensors) this.#touched.add(tensor.buffer);
    if (this.#commands.length >= BATCH) this.submit();
  }

  #assertUsable(tensor: Tensor): void {
    this.#late.assertAlive();
    if (!tensor.storage.alive) throw new EngineError(`${tensor} was disposed with its scope.`);
  }
}

function isPair(item: KernelSpec | readonly [KernelSpec, Constants]): item is readonly [KernelSpec, Constants] {
  return Array.isArray(item);
}
