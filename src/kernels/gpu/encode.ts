/**
 * Turns recorded commands into one command buffer. Dispatches share a compute pass (WebGPU orders them); copies,
 * clears and measured dispatches stand between passes.
 */
import type { KernelSpec } from './declare.ts';
import type { PhaseTimer } from './phases.ts';
import type { CompiledKernel } from './pipeline.ts';
import type { Tensor } from './tensor.ts';
import type { DispatchTimer } from './timing.ts';
import { type UniformArena, uniformBytes } from './uniforms.ts';

export type Command =
  | {
      readonly type: 'dispatch';
      readonly kernel: KernelSpec;
      readonly compiled: CompiledKernel;
      readonly tensors: readonly Tensor[];
      readonly uniformOffset: number;
      readonly workgroups: readonly [number, number, number];
    }
  | { readonly type: 'phase'; readonly name: string | null }
  | { readonly type: 'clear'; readonly buffer: GPUBuffer; readonly fromByte: number; readonly bytes: number }
  | {
      readonly type: 'copy';
      readonly from: GPUBuffer;
      readonly fromByte: number;
      readonly to: GPUBuffer;
      readonly toByte: number;
      readonly bytes: number;
    };

/** Bind groups kept; a training step of 30 layers needs two thousand. */
const BIND_GROUPS = 8192;

export class Encoder {
  readonly #bufferIds = new WeakMap<GPUBuffer, number>();
  readonly #layoutIds = new WeakMap<GPUBindGroupLayout, number>();
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  #nextId = 0;

  constructor(
    readonly device: GPUDevice,
    readonly arena: UniformArena,
    readonly timer: DispatchTimer,
    readonly phases: PhaseTimer,
  ) {}

  encode(commands: readonly Command[]): GPUCommandBuffer {
    const encoder = this.device.createCommandEncoder({ label: 'step' });
    let pass: GPUComputePassEncoder | null = null;
    const endPass = () => {
      pass?.end();
      pass = null;
    };
    const phaseStamps = this.phases.plan(commands);
    for (const [index, command] of commands.entries()) {
      if (command.type === 'dispatch') {
        // One pass has one set of timestamps: its phase's, or its kernel's.
        const own = this.phases.measuring ? undefined : this.timer.claim(command.kernel.name);
        if (own) endPass();
        pass ??= encoder.beginComputePass({
          label: own ? command.kernel.name : 'kernels',
          timestampWrites: own ?? phaseStamps.get(index),
        });
        this.#dispatch(pass, command);
        if (own) endPass();
        continue;
      }
      endPass();
      if (command.type === 'clear') encoder.clearBuffer(command.buffer, command.fromByte, command.bytes);
      if (command.type === 'copy') {
        encoder.copyBufferToBuffer(command.from, command.fromByte, command.to, command.toByte, command.bytes);
      }
    }
    endPass();
    this.timer.resolve(encoder);
    return encoder.finish({ label: 'step' });
  }

  /** Forgets bind groups: buffers are about to be destroyed. */
  forget(): void {
    this.#bindGroups.clear();
  }

  #dispatch(pass: GPUComputePassEncoder, command: Command & { type: 'dispatch' }): void {
    pass.setPipeline(command.compiled.pipeline);
    pass.setBindGroup(0, this.#bindGroup(command), command.kernel.params ? [command.uniformOffset] : []);
    pass.dispatchWorkgroups(...command.workgroups);
  }

  #bindGroup({ kernel, compiled, tensors }: Command & { type: 'dispatch' }): GPUBindGroup {
    let key = `${this.#id(this.#layoutIds, compiled.layout)}`;
    for (const tensor of tensors) {
      key += `,${this.#id(this.#bufferIds, tensor.buffer)}:${tensor.byteOffset}:${tensor.byteLength}`;
    }
    const known = this.#bindGroups.get(key);
    if (known) return known;
    const entries: GPUBindGroupEntry[] = tensors.map((tensor, binding) => ({
      binding,
      resource: { buffer: tensor.buffer, offset: tensor.byteOffset, size: tensor.byteLength },
    }));
    if (kernel.params) {
      entries.push({
        binding: entries.length,
        resource: { buffer: this.arena.buffer, offset: 0, size: uniformBytes(kernel.params) },
      });
    }
    const made = this.device.createBindGroup({ label: kernel.name, layout: compiled.layout, entries });
    if (this.#bindGroups.size >= BIND_GROUPS) this.#bindGroups.clear();
    this.#bindGroups.set(key, made);
    return made;
  }

  #id<K extends object>(ids: WeakMap<K, number>, object: K): number {
    let id = ids.get(object);
    if (id === undefined) {
      id = this.#nextId++;
      ids.set(object, id);
    }
    return id;
  }
}
