/** A host of the engine's jobs with both tiny models loaded, without a worker. */
import type { EngineHost } from '../../src/engine/jobs/host.ts';
import { loadModels } from '../../src/engine/jobs/load.ts';
import { sharedGpu } from './shared-gpu.ts';
import { serveTinyModels, TINY_BASE_URL } from './tiny-fetch.ts';

/** `unload` it. */
export async function tinyHost(): Promise<EngineHost> {
  const host: EngineHost = { gpu: await sharedGpu(), vlm: null, clip: null };
  const restore = serveTinyModels();
  try {
    const models = { vlm: 'tiny-vlm', clip: 'tiny-clip', baseUrl: TINY_BASE_URL };
    const { signal } = new AbortController();
    await loadModels(host, models, { signal, onProgress: () => undefined, onDevice: () => undefined });
  } finally {
    restore();
  }
  return host;
}
