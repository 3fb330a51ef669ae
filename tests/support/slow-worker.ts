/**
 * A worker that speaks the engine's protocol and works slowly: a `train` job takes units of `unit` milliseconds, sends
 * heartbeats between them, and hears its cancel only after the unit under way has taken `last` milliseconds. With
 * `silent`, that last unit blocks the thread, as synchronous WASM does. Units before the cancel teach the page how slow
 * it is.
 */
import type { EngineEvent, EngineRequest } from '../../src/engine/protocol.ts';

const query = new URL(self.location.href).searchParams;
const unit = Number(query.get('unit') ?? 500);
const last = Number(query.get('last') ?? 1500);
const silent = query.has('silent');
const post = (event: EngineEvent) => self.postMessage(event);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

let cancelled = false;

async function train(id: number): Promise<void> {
  post({ type: 'started', id });
  for (let units = 1; !cancelled; units++) {
    if (silent) block(unit);
    else await sleep(unit);
    // Lets a cancel in.
    await sleep(0);
    post({ type: 'train', id, event: { type: 'rollout', done: units, total: 0 } });
  }
  if (silent) block(last);
  else await sleep(last);
  post({ type: 'error', id, error: { name: 'CancelledError', message: 'Paused after the unit under way.' } });
}

if (!silent) setInterval(() => post({ type: 'heartbeat', units: 0 }), 50);

self.addEventListener('message', ({ data }: MessageEvent<EngineRequest>) => {
  if (data.type === 'train') void train(data.id);
  if (data.type === 'cancel') cancelled = true;
  if (data.type === 'memory') post({ type: 'result', id: data.id, result: { liveBytes: 0, peakBytes: 0 } });
  if (data.type === 'load') {
    post({ type: 'started', id: data.id });
    if (data.request.vlm === 'crash') throw new Error('out of memory');
    const device = { adapter: 'slow', isFallback: true, features: [], limits: {}, selfCheck: [] };
    post({ type: 'result', id: data.id, result: { device, models: [], loadMs: 1 } });
  }
});
