import { expect } from '@esm-bundle/chai';
import { EngineClient, type EngineClientOptions } from '../../src/engine/client.ts';
import type { EngineState, TrainRequest } from '../../src/engine/engine.ts';
import { CancelledError, EngineLostError } from '../../src/errors.ts';

const MODELS = { vlm: 'any', clip: 'any' };
const REQUEST: TrainRequest = { pairs: [], objective: 'dpo_sigmoid' };

/** A client over a worker that works slowly; `query` as in `slow-worker.ts`. */
function slow(query: string, limits: EngineClientOptions['limits']): EngineClient {
  return new EngineClient({ workerUrl: new URL(`../support/slow-worker.ts?${query}`, import.meta.url), limits });
}

/** Trains, cancels after two units, and gives what ended it. */
async function pausedAfterTwo(engine: EngineClient): Promise<unknown> {
  const controller = new AbortController();
  try {
    for await (const event of engine.train(REQUEST, { signal: controller.signal })) {
      if (event.type === 'rollout' && event.done === 2) controller.abort();
    }
    return null;
  } catch (error) {
    return error;
  }
}

describe('EngineClient over a slow worker', () => {
  let engine: EngineClient;
  const kinds: string[] = [];

  function watch(): void {
    kinds.length = 0;
    engine.onState((state) => kinds.push(state.kind));
  }

  afterEach(() => engine.dispose());

  // In both, the limits alone would end the worker long before its unit ends: what was seen of its units does not.
  it('waits for a unit under way after a pause, with heartbeats', async () => {
    engine = slow('unit=600&last=2000', { stuckMs: 300 });
    await engine.load(MODELS);
    watch();
    const error = await pausedAfterTwo(engine);
    expect(error).to.be.instanceOf(CancelledError);
    expect((error as Error).message).to.equal('Paused after the unit under way.');
    expect(kinds).to.not.include('restarting');
  });

  it('waits for a unit under way after a pause, in silence', async () => {
    engine = slow('unit=900&last=2000&silent', { cancelMs: 300, silentMs: 3000 });
    await engine.load(MODELS);
    watch();
    expect(await pausedAfterTwo(engine)).to.have.property('message', 'Paused after the unit under way.');
    expect(kinds).to.not.include('restarting');
  });

  it('says that it waits, and stops at once when asked', async () => {
    engine = slow('unit=100&last=600000', {});
    await engine.load(MODELS);
    engine.stopNow();
    expect(engine.state.kind, 'nothing to stop').to.equal('ready');
    const stopping = new Promise<void>((resolve) => {
      engine.onState((state) => {
        if (state.kind === 'ready' && state.stopping) resolve();
      });
    });
    const paused = pausedAfterTwo(engine);
    await stopping;
    const ready = new Promise<EngineState>((resolve) => {
      engine.onState((state) => {
        if (state.kind === 'ready') resolve(state);
      });
    });
    engine.stopNow();
    expect(await paused).to.be.instanceOf(CancelledError);
    expect(await ready).to.not.have.property('stopping');
  });

  it('replaces a worker that crashes at its work, also while loading', async () => {
    engine = slow('', {});
    await engine.load(MODELS);
    watch();
    // Uncaught in the worker on purpose.
    const caught = await engine.load({ vlm: 'crash', clip: 'any' }).catch((error) => error);
    expect(caught).to.be.instanceOf(EngineLostError);
    expect(caught.message).to.contain('out of memory');
    await engine.memory();
    await engine.load(MODELS);
    expect(engine.state.kind).to.equal('ready');
    expect(kinds).to.include('restarting');
  });
});
