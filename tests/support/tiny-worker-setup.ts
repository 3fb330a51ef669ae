import type { EngineRequest } from '../../src/engine/protocol.ts';
import { type Damage, serveTinyModels } from './tiny-fetch.ts';

const query = new URL(self.location.href).searchParams;
const [path, how] = query.get('damage')?.split(':') ?? [];
serveTinyModels(path ? { path, how: how as Damage } : undefined, Number(query.get('slow') ?? 0));

self.addEventListener('message', ({ data }: MessageEvent<EngineRequest>) => {
  if (data.type !== 'evaluate' || data.request.objective !== 'freeze') return;
  postMessage({ type: 'started', id: data.id });
  for (;;);
});
