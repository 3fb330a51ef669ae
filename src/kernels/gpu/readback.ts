/**
 * The way back: any number of tensors through one staging buffer and one map.
 */
import { bucket, GPU_BUFFER_USAGE, GPU_MAP_READ } from './pool.ts';
import { fromBytes, type Tensor, type TensorData } from './tensor.ts';

/** Idle staging buffers kept. */
const KEPT = 4;

export class ReadBack {
  readonly #idle: GPUBuffer[] = [];

  constructor(readonly device: GPUDevice) {}

  /** Copies are submitted in this call; the promise settles when the GPU is done with everything before them. */
  async read(tensors: readonly Tensor[]): Promise<TensorData[]> {
    if (tensors.length === 0) return [];
    const offsets: number[] = [];
    let bytes = 0;
    for (const tensor of tensors) {
      offsets.push(bytes);
      bytes += tensor.byteLength;
    }
    const staging = this.#take(bytes);
    const encoder = this.device.createCommandEncoder({ label: 'read-back' });
    tensors.forEach((tensor, i) => {
      encoder.copyBufferToBuffer(tensor.buffer, tensor.byteOffset, staging, offsets[i]!, tensor.byteLength);
    });
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPU_MAP_READ, 0, bytes);
    const mapped = staging.getMappedRange(0, bytes);
    const values = tensors.map((tensor, i) => fromBytes(tensor.dtype, mapped, offsets[i]!, tensor.size));
    staging.unmap();
    this.#idle.push(staging);
    if (this.#idle.length > KEPT) this.#idle.shift()!.destroy();
    return values;
  }

  #take(bytes: number): GPUBuffer {
    const size = bucket(bytes);
    const found = this.#idle.findIndex((buffer) => buffer.size === size);
    if (found >= 0) return this.#idle.splice(found, 1)[0]!;
    return this.device.createBuffer({
      label: 'staging',
      size,
      usage: GPU_BUFFER_USAGE.MAP_READ | GPU_BUFFER_USAGE.COPY_DST,
    });
  }
}
