/**
 * The one door to ONNX Runtime. Sessions share our `GPUDevice`, so that a tower's output is a buffer our kernels can
 * bind. Every create and run of every session goes through one queue: overlapping runs on WebGPU hang or corrupt
 * memory. Nobody else imports `onnxruntime-web`.
 */
import * as ort from 'onnxruntime-web/webgpu';
import { EngineError } from '../errors.ts';
import type { Gpu, Tensor } from '../kernels/gpu/index.ts';

export type Provider = 'webgpu' | 'wasm';

/** Our own copy of the WASM, emitted by Vite and served by the test server: no CDN is ever asked. */
export const wasmPaths = {
  wasm: new URL('../../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm', import.meta.url).href,
};

ort.env.wasm.wasmPaths = wasmPaths;
// One thread: threads need cross-origin isolation, which would forbid embedding the page in course material.
ort.env.wasm.numThreads = 1;
// ORT's proxy worker refuses GPU tensors; we already live in a worker.
ort.env.wasm.proxy = false;
ort.env.logLevel = 'error';

/** A tensor on the CPU, as sessions take and give it. */
export interface HostTensor {
  readonly type: 'float32' | 'int64' | 'bool';
  readonly data: Float32Array | BigInt64Array | Uint8Array;
  readonly dims: readonly number[];
}

/** One input or output as the model file declares it; dynamic dimensions are names. */
export interface Port {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** An output that stayed on the GPU. The buffer belongs to ORT until `dispose`. */
export interface GpuOutput {
  readonly tensor: Tensor;
  dispose(): void;
}

let tail: Promise<unknown> = Promise.resolve();
let watching: (synchronous: boolean) => void = () => undefined;

/**
 * Tells when ORT begins and ends work that blocks this thread: without threads, WASM runs in one go, as does the
 * compilation of a session. Whoever waits for this thread's timers can know that silence is no alarm.
 */
export function watchSynchronous(listener: (synchronous: boolean) => void): void {
  watching = listener;
}

/** Runs `task` after every earlier one has settled; its failure does not reach the next. */
function exclusive<T>(task: () => Promise<T>, blocks = false): Promise<T> {
  const announced = async () => {
    if (blocks) watching(true);
    try {
      return await task();
    } finally {
      if (blocks) watching(false);
    }
  };
  const run = tail.then(announced, announced);
  tail = run.catch(() => undefined);
  return run;
}

let live = 0;

/** GPU outputs handed out and not yet disposed: a test asserts that it returns to zero. */
export function liveGpuOutputs(): number {
  return live;
}

export interface SessionOptions {
  readonly provider: Provider;
  /** Needed for `webgpu`: the device the session runs on. */
  readonly gpu?: Gpu;
  /** Where outputs are left. `gpu` needs the `webgpu` provider. */
  readonly output: 'gpu' | 'cpu';
  /** Name for error messages, usually the file. */
  readonly label: string;
}

export class OrtSession {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];

  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly options: SessionOptions,
  ) {
    this.inputs = session.inputMetadata.map(toPort);
    this.outputs = session.outputMetadata.map(toPort);
  }

  /** Where outputs are left. */
  get output(): 'gpu' | 'cpu' {
    return this.options.output;
  }

  /**
   * Compiles an ONNX model.
   * @throws {EngineError} when ORT refuses the file or the provider.
   */
  static create(model: Uint8Array, options: SessionOptions): Promise<OrtSession> {
    return exclusive(async () => {
      try {
        const session = await ort.InferenceSession.create(model, {
          executionProviders: [
            options.provider === 'webgpu' ? { name: 'webgpu', device: options.gpu!.device } : 'wasm',
          ],
          preferredOutputLocation: options.output === 'gpu' ? 'gpu-buffer' : 'cpu',
          logSeverityLevel: 3,
        });
        return new OrtSession(session, options);
      } catch (error) {
        throw ortError(options, 'could not be compiled', error);
      }
    }, true);
  }

  /** Runs the model; all outputs arrive on the CPU. */
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
    return exclusive(async () => {
      try {
        const results = await this.session.run(toFeeds(feeds));
        const outputs: Record<string, HostTensor> = {};
        for (const [name, tensor] of Object.entries(results)) {
          const data = (await tensor.getData(true)) as Float32Array;
          outputs[name] = { type: tensor.type as HostTensor['type'], data, dims: tensor.dims };
          tensor.dispose();
        }
        return outputs;
      } catch (error) {
        throw ortError(this.options, 'failed to run', error);
      }
    }, this.options.provider === 'wasm');
  }

  /** Runs the model and leaves `output` (f32) on the GPU; other outputs are dropped. */
  runOnGpu(feeds: Readonly<Record<string, HostTensor>>, output: string): Promise<GpuOutput> {
    return exclusive(async () => {
      try {
        const results = await this.session.run(toFeeds(feeds), [output]);
        const tensor = results[output];
        live += 1;
        return {
          tensor: this.options.gpu!.wrap(tensor.gpuBuffer as GPUBuffer, 'f32', [...tensor.dims]),
          dispose: () => {
            live -= 1;
            tensor.dispose();
          },
        };
      } catch (error) {
        throw ortError(this.options, 'failed to run', error);
      }
    });
  }

  release(): Promise<void> {
    return exclusive(() => this.session.release());
  }
}

function toPort(meta: ort.InferenceSession.ValueMetadata): Port {
  return meta.isTensor
    ? { name: meta.name, type: meta.type, shape: meta.shape }
    : { name: meta.name, type: 'none', shape: [] };
}

function toFeeds(feeds: Readonly<Record<string, HostTensor>>): Record<string, ort.Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data, dims)]),
  );
}

function ortError(options: SessionOptions, what: string, cause: unknown): EngineError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new EngineError(`${options.label} ${what} on ${options.provider}: ${detail}`, options.label, { cause });
}
