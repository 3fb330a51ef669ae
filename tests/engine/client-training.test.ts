import { expect } from '@esm-bundle/chai';
import { EngineClient } from '../../src/engine/client.ts';
import type { TrainRequest } from '../../src/engine/engine.ts';
import { CancelledError, DeviceLostError } from '../../src/errors.ts';
import { picture } from '../support/pictures.ts';
import { TINY_BASE_URL } from '../support/tiny-fetch.ts';
import { checkpointOf, collect, metricsOf } from '../support/trajectory.ts';

describe('training through a real worker', () => {
  let engine: EngineClient;
  let request: TrainRequest;

  before(async () => {
    const workerUrl = new URL('../support/tiny-worker.ts', import.meta.url);
    engine = new EngineClient({ baseUrl: TINY_BASE_URL, workerUrl });
    await engine.load({ vlm: 'tiny-vlm', clip: 'tiny-clip' });
    const image = await picture('one', 16);
    request = {
      pairs: [
        { image, prompt: 'What is there?', chosen: 'A cat.', rejected: 'A dog and a cat.' },
        { image, prompt: 'Is it red?', chosen: 'Yes.', rejected: 'No.' },
      ],
      objective: 'simpo',
      config: { max_steps: 6, learning_rate: 1e-2, per_device_train_batch_size: 1, save_steps: 2 },
      lora: { r: 4, lora_alpha: 8, target_modules: ['q_proj', 'v_proj'] },
    };
  });

  after(() => engine.dispose());

  it('streams the run, and hands the adapter out and back in', async () => {
    const progress: number[] = [];
    const { events, error } = await collect(engine.train(request, { onProgress: (done) => progress.push(done) }));
    expect(error).to.equal(undefined);
    expect(events.at(-1)).to.deep.equal({ type: 'done', reason: 'finished', step: 6 });
    expect(progress).to.deep.equal([1, 2, 3, 4, 5, 6]);
    expect(await engine.adapter.facts()).to.deep.include({ step: 6, origin: 'trained' });
    const bytes = await engine.adapter.export();
    await engine.adapter.reset();
    expect(await engine.adapter.facts()).to.equal(null);
    expect(await engine.adapter.import(bytes)).to.deep.include({ origin: 'imported' });
    await engine.adapter.restore(checkpointOf(events));
    expect(await engine.adapter.facts()).to.deep.include({ step: 6, origin: 'trained' });
  });

  it('pauses when the signal fires, and goes on from the checkpoint', async () => {
    const whole = metricsOf((await collect(engine.train(request))).events).map(({ loss }) => loss);
    const controller = new AbortController();
    const paused = await collect(
      (async function* () {
        for await (const event of engine.train(request, { signal: controller.signal })) {
          if (event.type === 'step' && event.metrics.step === 2) controller.abort();
          yield event;
        }
      })(),
    );
    expect(paused.error).to.be.instanceOf(CancelledError);
    const checkpoint = checkpointOf(paused.events);
    expect(checkpoint.step).to.equal(metricsOf(paused.events).length);
    const rest = await collect(engine.train({ ...request, resume: checkpoint }));
    const losses = [...metricsOf(paused.events), ...metricsOf(rest.events)].map(({ loss }) => loss);
    expect(losses).to.deep.equal(whole);
  });

  it('hands out snapshots where no checkpoint is asked for, and a run goes on from one as from a checkpoint', async () => {
    const config = { ...request.config, save_steps: 0 };
    const { events } = await collect(engine.train({ ...request, config }));
    const whole = metricsOf(events).map(({ loss }) => loss);
    const snapshots = events.flatMap((event) => (event.type === 'snapshot' ? [event.checkpoint] : []));
    expect(snapshots[0].step, 'the second step has shown that the first is good').to.equal(1);
    const saved = await collect(engine.train({ ...request, config: { ...request.config, save_steps: 1 } }));
    const checkpoint = saved.events.flatMap((event) =>
      event.type === 'checkpoint' && event.checkpoint.step === 1 ? [event.checkpoint] : [],
    )[0];
    for (const part of ['values', 'firstMoments', 'secondMoments', 'numTokens', 'pairsHash'] as const) {
      expect(snapshots[0][part], part).to.deep.equal(checkpoint[part]);
    }
    const rest = await collect(engine.train({ ...request, config, resume: snapshots[0] }));
    expect(metricsOf(rest.events).map(({ loss }) => loss)).to.deep.equal(whole.slice(1));
  });

  it('loses at most save_steps when the device goes', async () => {
    const whole = metricsOf((await collect(engine.train(request))).events).map(({ loss }) => loss);
    const lost = await collect(
      (async function* () {
        for await (const event of engine.train(request)) {
          yield event;
          if (event.type === 'checkpoint' && event.checkpoint.step === 2) void engine.destroyDevice().catch(() => null);
        }
      })(),
    );
    expect(lost.error).to.be.instanceOf(DeviceLostError);
    const checkpoint = checkpointOf(lost.events);
    expect(checkpoint.step).to.be.within(2, 4);
    await new Promise<void>((resolve) => {
      if (engine.state.kind === 'ready') resolve();
      const stop = engine.onState(({ kind }) => {
        if (kind !== 'ready') return;
        stop();
        resolve();
      });
    });
    expect(await engine.adapter.facts()).to.equal(null);
    const rest = await collect(engine.train({ ...request, resume: checkpoint }));
    expect(rest.error).to.equal(undefined);
    expect(metricsOf(rest.events).map(({ loss }) => loss)).to.deep.equal(whole.slice(checkpoint.step));
  });
});
