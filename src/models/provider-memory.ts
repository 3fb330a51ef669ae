/**
 * What the start-up check found on this device, kept in the Cache API: which provider was chosen, and the WASM answer
 * to the fixed input, against which the next load checks without running WASM again.
 */
import type { Gpu } from '../kernels/gpu/index.ts';
import { sha256Hex } from './load-file.ts';
import type { Provider } from './ort.ts';

export interface CheckRecord {
  readonly provider: Provider;
  readonly agreement: number;
  readonly note: string;
  /** The WASM answer. */
  readonly reference: Float32Array;
}

export interface CheckMemory {
  recall(): Promise<CheckRecord | undefined>;
  store(record: CheckRecord): Promise<void>;
}

const CACHE = 'margin-checks';

/** Memory for these model files on this adapter and browser; undefined where there is no Cache API. */
export async function checkMemory(gpu: Gpu, ...models: Uint8Array<ArrayBuffer>[]): Promise<CheckMemory | undefined> {
  if (!('caches' in globalThis)) return undefined;
  const cache = await caches.open(CACHE).catch(() => undefined);
  if (!cache) return undefined;
  const fingerprints = await Promise.all(models.map(sha256Hex));
  const place = new TextEncoder().encode([gpu.facts.adapter, navigator.userAgent, ...fingerprints].join('\n'));
  const key = `https://margin.invalid/checks/${await sha256Hex(place)}`;
  return {
    async recall() {
      const response = await cache.match(key);
      if (!response) return undefined;
      const { reference, ...record } = await response.json();
      return { ...record, reference: Float32Array.from(reference) };
    },
    async store(record) {
      const text = JSON.stringify({ ...record, reference: Array.from(record.reference) });
      // Without room on the disk the check simply runs in full again next time.
      await cache.put(key, new Response(text)).catch(() => undefined);
    },
  };
}
