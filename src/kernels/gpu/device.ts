/**
 * Asks for the GPU device. The one place of the product that touches `navigator.gpu`.
 */
import type { DeviceFacts } from '../../engine/engine.ts';
import { NoWebGpuError } from '../../errors.ts';

/**
 * Features used where an adapter has them; nothing here is required. `shader-f16` is for ONNX Runtime, which runs towers
 * on this device and refuses graphs that compute in f16 without it; our kernels compute in f32 (docs/decisions/0010).
 */
const WANTED: readonly GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];

/** Software renderers by the names they give themselves; not every browser sets `isFallbackAdapter` for them. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|warp/i;

export interface OpenedDevice {
  readonly device: GPUDevice;
  readonly facts: Omit<DeviceFacts, 'selfCheck'>;
}

type AdapterWords = Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'>;

/** True where `info` describes a renderer that runs on the CPU. */
export function isSoftwareAdapter(info: AdapterWords) {
  return SOFTWARE.test(`${info.vendor} ${info.architecture} ${info.device} ${info.description}`);
}

/** "google swiftshader" and the like: the words the adapter gives, each once. */
export function adapterName(info: AdapterWords): string {
  const words = [info.vendor, info.architecture, info.description || info.device].filter(Boolean);
  return words.filter((word, i) => words.indexOf(word) === i).join(' ') || 'unnamed adapter';
}

/**
 * Every numeric limit by name. Limits are getters on a prototype, so `Object.entries` sees none of them.
 */
function readLimits(limits: GPUSupportedLimits): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name in limits) {
    const value = (limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') found[name] = value;
  }
  return found;
}

/** What the adapter says of itself; Chrome before 127 says it only when asked, and then in another way. */
async function infoOf(adapter: GPUAdapter): Promise<AdapterWords & { readonly isFallbackAdapter: boolean }> {
  const older = adapter as { requestAdapterInfo?(): Promise<GPUAdapterInfo>; isFallbackAdapter?: boolean };
  const info: Partial<GPUAdapterInfo> = adapter.info ?? (await older.requestAdapterInfo?.().catch(() => ({}))) ?? {};
  const { vendor = '', architecture = '', device = '', description = '' } = info;
  const isFallbackAdapter = info.isFallbackAdapter ?? older.isFallbackAdapter ?? false;
  return { vendor, architecture, device, description, isFallbackAdapter };
}

/**
 * Requests an adapter and a device with the adapter's full limits: WebGPU's defaults (128 MiB per binding) are
 * smaller than one vocabulary head.
 *
 * @param gpu the entry point; Node passes the one of its own WebGPU package.
 * @throws NoWebGpuError when there is no WebGPU, no adapter or no device.
 */
export async function openDevice(gpu: GPU | undefined = globalThis.navigator?.gpu): Promise<OpenedDevice> {
  if (!gpu) {
    throw new NoWebGpuError(
      globalThis.isSecureContext === false
        ? 'This page is not in a secure context, so the browser hides WebGPU. Open it over https, or on localhost.'
        : 'This browser has no WebGPU. Use a current Chrome, Edge, Safari 26 or Firefox 141 or later.',
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new NoWebGpuError(
      'The browser has WebGPU but gives no GPU adapter. Check that hardware acceleration is on and the driver is not blocked.',
    );
  }
  const limits = readLimits(adapter.limits);
  const features = WANTED.filter((feature) => adapter.features.has(feature));
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ label: 'margin', requiredLimits: limits, requiredFeatures: features });
  } catch (cause) {
    throw new NoWebGpuError(`The GPU adapter refuses a device: ${(cause as Error).message}`, undefined, { cause });
  }
  const info = await infoOf(adapter);
  // ORT asks the device, which knows since Chrome 127.
  if (!device.adapterInfo) Object.defineProperty(device, 'adapterInfo', { value: info });
  return {
    device,
    facts: {
      adapter: adapterName(info),
      isFallback: info.isFallbackAdapter || isSoftwareAdapter(info),
      features: [...features],
      limits: readLimits(device.limits),
    },
  };
}
