import { expect } from '@esm-bundle/chai';
import type { TrainEvent, TrainingCheckpoint } from '../../src/engine/engine.ts';
import { EngineError } from '../../src/errors.ts';
import type { RunOptions } from '../../src/training/trainer.ts';
import {
  checkpointOf,
  collect,
  loadTrajectory,
  metricsOf,
  type Run,
  type Trajectory,
  trainerFor,
} from '../support/trajectory.ts';

/** A rate after which no loss is a number. */
const ABSURD = { learning_rate: 1e30, warmup_steps: 0, lr_scheduler_type: 'constant', max_grad_norm: 0 } as const;

describe('a run never ends on an adapter without finite numbers', () => {
  let trajectory: Trajectory;

  before(async () => {
    trajectory = await loadTrajectory();
  });

  after(() => {
    trajectory.policy.dispose();
    expect(trajectory.gpu.openScopes()).to.deep.equal([]);
  });

  const adapterLike = () =>
    trajectory.policy.createAdapter({ r: 4, alpha: 8, targets: ['q_proj', 'v_proj', 'down_proj'], seed: 3 });

  /** One call of the trainer, and what is left: the adapter's values and its log-probabilities of every pair. */
  async function call(
    options: Run & RunOptions & { resume?: TrainingCheckpoint } = {},
    heard?: (event: TrainEvent) => void,
  ) {
    const { policy, pairs } = trajectory;
    const adapter = adapterLike();
    const trainer = trainerFor(trajectory, adapter, options, options.resume);
    async function* watched() {
      for await (const event of trainer.run(options)) {
        heard?.(event);
        yield event;
      }
    }
    try {
      const { events, error } = await collect(watched());
      const sequences = pairs.map(({ promptIds, chosenIds }) => ({ promptIds, responseIds: chosenIds }));
      const scored = await policy.scoreMany(sequences, { adapter });
      const logps = scored.flatMap((sequence) => [...sequence.logps]);
      return { events, error, logps, values: flat(await adapter.read()) };
    } finally {
      trainer.dispose();
      adapter.dispose();
    }
  }

  const flat = (values: ReadonlyMap<string, Float32Array>) => [...values.values()].flatMap((matrix) => [...matrix]);

  async function freshValues(): Promise<number[]> {
    const fresh = adapterLike();
    const values = flat(await fresh.read());
    fresh.dispose();
    return values;
  }

  /** What every such end has in common. */
  function expectKept(
    { events, error, logps, values }: Awaited<ReturnType<typeof call>>,
    step: number,
    kept: number[],
  ) {
    expect(error).to.be.instanceOf(EngineError);
    expect(error!.message).to.match(/not finite numbers, so (that step was taken back and )?training stopped\./);
    const rest = step > 0 ? `The adapter after step ${step} is kept.` : 'The adapter is what it was before the run.';
    expect(error!.message).to.contain(rest);
    expect(checkpointOf(events).step).to.equal(step);
    expect([...checkpointOf(events).values]).to.deep.equal(values);
    expect(values).to.deep.equal(kept);
    expect(logps.every(Number.isFinite), 'log-probabilities').to.equal(true);
  }

  it('in the middle of a run', async () => {
    const result = await call({ config: ABSURD });
    expect(metricsOf(result.events)).to.have.length(1);
    expectKept(result, 0, await freshValues());
    expect([...checkpointOf(result.events).firstMoments].every((value) => value === 0)).to.equal(true);
  });

  it('after its only step', async () => {
    const result = await call({ config: { ...ABSURD, max_steps: 1 } });
    expect(metricsOf(result.events)).to.have.length(1);
    expectKept(result, 0, await freshValues());
    expect(result.error!.message).to.match(/^After step 1 the loss is NaN/);
  });

  it('step by step, each a call of its own', async () => {
    const first = await call({ config: ABSURD, stopAfter: 1 });
    expectKept(first, 0, await freshValues());
    const second = await call({ resume: checkpointOf(first.events), stopAfter: 1 });
    expectKept(second, 0, await freshValues());
  });

  it('after good steps of earlier calls', async () => {
    const good = await call({ config: { max_steps: 6 }, stopAfter: 2 });
    expect(good.error).to.equal(undefined);
    const checkpoint = checkpointOf(good.events);
    const absurd = { ...checkpoint, config: { ...checkpoint.config, ...ABSURD } };
    for (const stopAfter of [1, 2]) {
      const result = await call({ resume: absurd, stopAfter });
      expectKept(result, 2, good.values);
      expect(checkpointOf(result.events).secondMoments).to.deep.equal(checkpoint.secondMoments);
      expect(result.logps).to.deep.equal(good.logps);
    }
  });

  it('nor does a checkpoint on the way hold one', async () => {
    const result = await call({ config: { ...ABSURD, save_steps: 1 } });
    expectKept(result, 0, await freshValues());
    expect(result.events.filter(({ type }) => type === 'checkpoint')).to.have.length(1);
  });

  it('nor the checkpoint of a pause', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const result = await call({ config: ABSURD, signal }, ({ type }) => type === 'step' && controller.abort());
    expectKept(result, 0, await freshValues());
  });

  it('and looking changes nothing: the same run with and without checkpoints', async () => {
    const config = { max_steps: 4, per_device_train_batch_size: 2, gradient_accumulation_steps: 2 };
    const plain = await call({ config });
    const saved = await call({ config: { ...config, save_steps: 1 } });
    expect(saved.values).to.deep.equal(plain.values);
    expect(metricsOf(saved.events).map(({ loss }) => loss)).to.deep.equal(
      metricsOf(plain.events).map(({ loss }) => loss),
    );
  });
});
