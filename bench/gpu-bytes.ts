/**
 * Counts the bytes of every GPU buffer of every library, by standing between them and WebGPU. Import it first.
 */

let live = 0;
let peak = 0;
const sizes = new WeakMap<GPUBuffer, number>();

/** Bytes of all buffers made and not yet destroyed. */
export function liveBytes(): number {
  return live;
}

/** Starts a new peak from what is live now, and returns that. */
export function resetPeak(): number {
  peak = live;
  return live;
}

/** Highest live bytes since `resetPeak`. */
export function peakBytes(): number {
  return peak;
}

/** Counts from now on. In Node, call it once the globals of WebGPU are there. */
export function countGpuBytes(): void {
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    sizes.set(buffer, descriptor.size);
    live += descriptor.size;
    peak = Math.max(peak, live);
    return buffer;
  };
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    live -= sizes.get(this) ?? 0;
    sizes.delete(this);
    return destroy.call(this);
  };
}
