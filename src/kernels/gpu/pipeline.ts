/**
 * Compiles kernels. Layouts come from the declaration and never from the shader (`layout: 'auto'` would make a layout
 * that no other pipeline shares and hide a binding declared wrongly). A pipeline is cached by its promise, so that two
 * callers compile it once.
 */
import { EngineError } from '../../errors.ts';
import type { KernelSpec, WgslFile } from './declare.ts';
import { GPU_SHADER_STAGE_COMPUTE } from './pool.ts';
import { uniformBytes } from './uniforms.ts';

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

interface Entry {
  readonly ready: Promise<CompiledKernel>;
  /** Present once compiled, and at once when it was compiled synchronously. */
  compiled?: CompiledKernel;
}

type Constants = Readonly<Record<string, number>>;

export class PipelineCache {
  readonly #entries = new WeakMap<KernelSpec, Map<string, Entry>>();

  constructor(
    readonly device: GPUDevice,
    /** Hears of compile errors of pipelines made by `now`. */
    readonly watch: (error: Promise<Error | null>) => void,
  ) {}

  /**
   * Compiles without blocking; every later call for the same kernel and constants shares the result.
   * @throws EngineError with `file:line` for WGSL errors.
   */
  async prepare(kernel: KernelSpec, constants: Constants = {}): Promise<CompiledKernel> {
    const known = this.#find(kernel, constants);
    if (known) return known.ready;
    const entry: Entry = { ready: this.#compile(kernel, constants) };
    this.#store(kernel, constants, entry);
    entry.compiled = await entry.ready;
    return entry.compiled;
  }

  /** The pipeline at once, compiling it on the spot where `prepare` has not; errors go to `watch`. */
  now(kernel: KernelSpec, constants: Constants = {}): CompiledKernel {
    const known = this.#find(kernel, constants);
    if (known?.compiled) return known.compiled;
    this.device.pushErrorScope('validation');
    const { descriptor, module, layout } = this.#describe(kernel, constants);
    const compiled = { pipeline: this.device.createComputePipeline(descriptor), layout };
    const failure = this.device.popErrorScope().then(
      (error) => error && explain(kernel, module, error.message),
      () => null,
    );
    this.watch(failure);
    this.#store(kernel, constants, { ready: Promise.resolve(compiled), compiled });
    return compiled;
  }

  async #compile(kernel: KernelSpec, constants: Constants): Promise<CompiledKernel> {
    this.device.pushErrorScope('validation');
    const { descriptor, module, layout } = this.#describe(kernel, constants);
    const outcome = this.device.createComputePipelineAsync(descriptor).then(
      (pipeline) => ({ pipeline }),
      (error: Error) => ({ error }),
    );
    const scoped = await this.device.popErrorScope().catch(() => null);
    const result = await outcome;
    if ('error' in result) throw await explain(kernel, module, scoped?.message ?? result.error.message);
    return { pipeline: result.pipeline, layout };
  }

  #describe(kernel: KernelSpec, constants: Constants) {
    this.#checkDevice(kernel);
    const { device } = this;
    const module = device.createShaderModule({ label: kernel.name, code: join(kernel.files) });
    const layout = device.createBindGroupLayout({ label: kernel.name, entries: layoutEntries(kernel) });
    const descriptor: GPUComputePipelineDescriptor = {
      label: kernel.name,
      layout: device.createPipelineLayout({ label: kernel.name, bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: kernel.entryPoint ?? 'main', constants: { ...kernel.constants, ...constants } },
    };
    return { descriptor, module, layout };
  }

  #checkDevice(kernel: KernelSpec): void {
    const missing = (kernel.features ?? []).filter((feature) => !this.device.features.has(feature));
    if (missing.length > 0) {
      throw new EngineError(`${kernel.name} needs ${missing.join(', ')}, which this GPU does not offer.`, kernel.name);
    }
    const bindings = Object.keys(kernel.bindings).length;
    const most = this.device.limits.maxStorageBuffersPerShaderStage;
    if (bindings > most) {
      throw new EngineError(`${kernel.name} binds ${bindings} buffers, and this GPU allows ${most}.`, kernel.name);
    }
  }

  #find(kernel: KernelSpec, constants: Constants): Entry | undefined {
    return this.#entries.get(kernel)?.get(keyOf(kernel, constants));
  }

  #store(kernel: KernelSpec, constants: Constants, entry: Entry): void {
    const entries = this.#entries.get(kernel) ?? new Map<string, Entry>();
    this.#entries.set(kernel, entries.set(keyOf(kernel, constants), entry));
  }
}

/** Defaults and what is given, so that a default given in words is the same pipeline. */
function keyOf(kernel: KernelSpec, constants: Constants): string {
  return JSON.stringify({ ...kernel.constants, ...constants });
}

function layoutEntries(kernel: KernelSpec): GPUBindGroupLayoutEntry[] {
  const entries: GPUBindGroupLayoutEntry[] = Object.values(kernel.bindings).map((spec, binding) => ({
    binding,
    visibility: GPU_SHADER_STAGE_COMPUTE,
    buffer: { type: spec.access === 'read' ? 'read-only-storage' : 'storage' },
  }));
  if (kernel.params) {
    entries.push({
      binding: entries.length,
      visibility: GPU_SHADER_STAGE_COMPUTE,
      buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: uniformBytes(kernel.params) },
    });
  }
  return entries;
}

/** Whole files, each beginning on its own line. */
export function join(files: readonly WgslFile[]): string {
  return files.map((file) => file.code).join('\n');
}

/** The file and line that line `line` (from 1) of the joined text came from. */
export function locate(files: readonly WgslFile[], line: number): { path: string; line: number } {
  let rest = line;
  for (const file of files) {
    const lines = file.code.split('\n').length;
    if (rest <= lines) return { path: file.path, line: rest };
    rest -= lines;
  }
  return { path: files[files.length - 1]?.path ?? 'unknown', line: rest };
}

/** One error with every compiler message at its place in the files people read. */
async function explain(kernel: KernelSpec, module: GPUShaderModule, fallback: string): Promise<EngineError> {
  const { messages } = await module.getCompilationInfo();
  const lines = messages
    .filter((message) => message.type === 'error')
    .map((message) => {
      const at = locate(kernel.files, message.lineNum);
      return `${at.path}:${at.line}:${message.linePos}: ${message.message}`;
    });
  return new EngineError(`${kernel.name} does not compile.\n${lines.join('\n') || fallback}`, kernel.name);
}
