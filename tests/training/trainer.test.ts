import { expect } from '@esm-bundle/chai';
import type { TrainingCheckpoint } from '../../src/engine/engine.ts';
import { CancelledError, InputError, OutOfMemoryError } from '../../src/errors.ts';
import type { LoraAdapter } from '../../src/models/policy/index.ts';
import type { RunOptions } from '../../src/training/trainer.ts';
import { expectClose } from '../support/tolerance.ts';
import {
  checkpointOf,
  collect,
  loadTrajectory,
  metricsOf,
  type Run,
  type Trajectory,
  trainerFor,
} from '../support/trajectory.ts';

/** AdamW divides by the root of the second moment: the first steps magnify rounding. */
const SAME_GRADIENT = { atol: 2e-5, rtol: 2e-4 };

describe('trainer', () => {
  let trajectory: Trajectory;

  before(async () => {
    trajectory = await loadTrajectory();
  });

  after(() => {
    trajectory.policy.dispose();
    expect(trajectory.gpu.openScopes()).to.deep.equal([]);
  });

  /** Trains a fresh adapter, or goes on from a checkpoint, and gives events and the adapter's values. */
  async function run(
    options: Run & { resume?: TrainingCheckpoint; dropout?: number } & RunOptions = {},
    watch: (adapter: LoraAdapter) => void = () => undefined,
  ) {
    const { policy } = trajectory;
    const { dropout = 0 } = options;
    const targets = ['q_proj', 'v_proj', 'down_proj'] as const;
    const adapter = policy.createAdapter({ r: 4, alpha: 8, targets, dropout, seed: 3 });
    try {
      const trainer = trainerFor(trajectory, adapter, options, options.resume);
      try {
        watch(adapter);
        const result = await collect(trainer.run(options));
        return { ...result, values: await adapter.read(), plan: trainer.plan };
      } finally {
        trainer.dispose();
      }
    } finally {
      adapter.dispose();
    }
  }

  const flat = (values: ReadonlyMap<string, Float32Array>) => [...values.values()].flatMap((matrix) => [...matrix]);

  it('tells the plan, scores the reference, takes steps, leaves a checkpoint', async () => {
    const { events, plan } = await run({ config: { max_steps: 3, save_steps: 2 } });
    // Snapshots are taken by the clock.
    expect(events.map(({ type }) => type).filter((type) => type !== 'snapshot')).to.deep.equal([
      'plan',
      ...Array.from({ length: 8 }, () => 'reference'),
      'step',
      'step',
      'checkpoint',
      'step',
      'checkpoint',
      'done',
    ]);
    expect(plan).to.include({ steps: 3, stepsPerEpoch: 2, firstStep: 0 });
    const [first, second, third] = metricsOf(events);
    expect(first.loss).to.be.closeTo(Math.LN2, 1e-5);
    expect(first['log_ratios/chosen']).to.equal(0);
    expect([first.epoch, second.epoch, third.epoch]).to.deep.equal([0.5, 1, 1.5]);
    const tokens = trajectory.pairs.reduce(
      (sum, pair) => sum + 2 * pair.promptIds.length + pair.chosenIds.length + pair.rejectedIds.length,
      0,
    );
    expect(second.num_tokens).to.equal(tokens);
    expect(events.at(-1)).to.deep.equal({ type: 'done', reason: 'finished', step: 3 });
  });

  it('raises the margin of DPO', async () => {
    const { events } = await run({ config: { max_steps: 10, learning_rate: 3e-3, warmup_steps: 0 } });
    const margins = metricsOf(events).map((metrics) => metrics['rewards/margins']);
    expect(margins[9]).to.be.greaterThan(0.3);
    expect(metricsOf(events)[9].loss).to.be.lessThan(0.6);
  });

  it('measures the phases of a step when asked, and learns the same', async () => {
    const config = { max_steps: 2, per_device_train_batch_size: 2, gradient_accumulation_steps: 2 };
    const plain = await run({ config });
    const timed = await run({ config, phaseTimes: true });
    const [first, second] = metricsOf(timed.events);
    const phases = ['gpu_ms/forward', 'gpu_ms/loss', 'gpu_ms/backward', 'gpu_ms/optimizer'] as const;
    const measured = trajectory.gpu.facts.features.includes('timestamp-query');
    for (const phase of phases) expect(typeof second[phase], phase).to.equal(measured ? 'number' : 'undefined');
    expect(second['gpu_ms/reference'], 'the reference was scored before the first step').to.equal(undefined);
    expect(typeof first['gpu_ms/reference']).to.equal(measured ? 'number' : 'undefined');
    expect(metricsOf(plain.events)[1]).to.not.have.any.keys(...phases);
    expect(flat(timed.values)).to.deep.equal(flat(plain.values));
  });

  it('takes from a batch of four what four passes of one give', async () => {
    for (const objective of ['dpo_sigmoid', 'simpo', 'ipo_avg']) {
      const common = { max_steps: 1, warmup_steps: 0, learning_rate: 1e-3 };
      const whole = await run({ objective, config: { ...common, per_device_train_batch_size: 4 } });
      const parts = await run({
        objective,
        config: { ...common, per_device_train_batch_size: 1, gradient_accumulation_steps: 4 },
      });
      const [a, b] = [metricsOf(whole.events)[0], metricsOf(parts.events)[0]];
      for (const name of ['loss', 'grad_norm', 'rewards/margins', 'logps/chosen', 'num_tokens'] as const) {
        expect(b[name]!, `${objective} ${name}`).to.be.closeTo(a[name]!, 1e-4 * Math.max(1, Math.abs(a[name]!)));
      }
      const [first, second] = [checkpointOf(whole.events), checkpointOf(parts.events)];
      expectClose(second.firstMoments, first.firstMoments, SAME_GRADIENT, `${objective}: first moments`);
    }
  });

  it('resumes the same trajectory, bit for bit', async () => {
    const config = { max_steps: 6, learning_rate: 2e-3, lr_scheduler_type: 'cosine' as const };
    const whole = await run({ config });
    const begun = await run({ config, stopAfter: 3 });
    expect(begun.events.at(-1)).to.deep.equal({ type: 'done', reason: 'stopped', step: 3 });
    const checkpoint = structuredClone(checkpointOf(begun.events));
    const resumed = await run({ resume: checkpoint });
    expect(metricsOf(resumed.events).map(({ step }) => step)).to.deep.equal([4, 5, 6]);
    for (const name of ['loss', 'grad_norm', 'rewards/margins', 'learning_rate', 'num_tokens'] as const) {
      expect(metricsOf(resumed.events).map((metrics) => metrics[name])).to.deep.equal(
        metricsOf(whole.events)
          .slice(3)
          .map((metrics) => metrics[name]),
      );
    }
    expect(flat(resumed.values)).to.deep.equal(flat(whole.values));
    expect(checkpointOf(resumed.events)).to.deep.equal(checkpointOf(whole.events));
  });

  describe('with dropout', () => {
    const config = {
      max_steps: 4,
      learning_rate: 2e-3,
      per_device_train_batch_size: 2,
      gradient_accumulation_steps: 2,
      warmup_steps: 0,
    };

    it('resumes the same trajectory, bit for bit', async () => {
      const whole = await run({ config, dropout: 0.2 });
      const begun = await run({ config, dropout: 0.2, stopAfter: 2 });
      const checkpoint = structuredClone(checkpointOf(begun.events));
      expect(checkpoint.lora.lora_dropout).to.equal(0.2);
      const resumed = await run({ resume: checkpoint, dropout: 0.2 });
      expect(metricsOf(resumed.events).map(({ loss }) => loss)).to.deep.equal(
        metricsOf(whole.events)
          .slice(2)
          .map(({ loss }) => loss),
      );
      expect(flat(resumed.values)).to.deep.equal(flat(whole.values));
      expect(checkpointOf(resumed.events)).to.deep.equal(checkpointOf(whole.events));
    });

    it('takes another path than without, and the seed decides which', async () => {
      const [none, zero, some, other] = [
        await run({ config }),
        await run({ config, dropout: 0 }),
        await run({ config, dropout: 0.2 }),
        await run({ config: { ...config, seed: 1 + trajectory.golden.settings.seed }, dropout: 0.2 }),
      ].map(({ values }) => flat(values));
      expect(zero).to.deep.equal(none);
      expect(some).to.not.deep.equal(none);
      expect(other).to.not.deep.equal(some);
    });

    it('draws masks anew for every micro-batch and step', async () => {
      const keys: number[] = [];
      await run({ config: { ...config, max_steps: 2 }, dropout: 0.2 }, (adapter) => {
        Object.defineProperty(adapter, 'dropoutKey', { get: () => keys.at(-1) ?? 0, set: (key) => keys.push(key) });
      });
      expect(keys).to.have.length(4);
      expect(new Set(keys).size).to.equal(4);
    });

    it('foretells the memory', async () => {
      const { gpu } = trajectory;
      const before = gpu.liveBytes;
      gpu.resetPeak();
      const { plan } = await run({ config, dropout: 0.2 });
      const taken = gpu.peakBytes - before;
      expect(plan.trainingBytes).to.be.within(taken, 1.5 * taken);
    });
  });

  it('refuses to resume with other pairs or another objective', async () => {
    const checkpoint = checkpointOf((await run({ config: { max_steps: 2 }, stopAfter: 1 })).events);
    const other = { ...trajectory, pairs: trajectory.pairs.slice(1) };
    const adapter = trajectory.policy.createAdapter({ r: 4, alpha: 8, targets: ['q_proj'], seed: 3 });
    expect(() => trainerFor(other, adapter, {}, checkpoint)).to.throw(InputError, 'not those of the checkpoint');
    expect(() => trainerFor(trajectory, adapter, {}, checkpoint)).to.throw(InputError, 'v_proj');
    expect(() => trainerFor(trajectory, adapter, { objective: 'simpo' }, checkpoint)).to.throw(InputError, 'new run');
    adapter.dispose();
  });

  it('pauses between micro-batches and keeps the last whole step', async () => {
    const controller = new AbortController();
    const { policy } = trajectory;
    const adapter = policy.createAdapter({ r: 4, alpha: 8, targets: ['q_proj'], seed: 3 });
    const trainer = trainerFor(trajectory, adapter, {
      config: { per_device_train_batch_size: 1, gradient_accumulation_steps: 8, warmup_steps: 0 },
    });
    const { events, error } = await collect(
      (async function* () {
        for await (const event of trainer.run({ signal: controller.signal })) {
          yield event;
          if (event.type === 'step' && event.metrics.step === 2) setTimeout(() => controller.abort(), 1);
        }
      })(),
    );
    expect(error).to.be.instanceOf(CancelledError);
    const last = events.at(-1)!;
    expect(last.type).to.equal('checkpoint');
    expect(checkpointOf(events).step).to.equal(metricsOf(events).length);
    expect([...checkpointOf(events).values]).to.deep.equal(flat(await adapter.read()));
    trainer.dispose();
    adapter.dispose();
  });

  it('says what an objective lacks, before it trains', () => {
    const adapter = trajectory.policy.createAdapter({ r: 4, seed: 3 });
    const { liveBytes } = trajectory.gpu;
    expect(() => trainerFor(trajectory, adapter, { objective: 'odpo' })).to.throw(
      InputError,
      'Pair 1 lacks the score of the chosen answer (scoreChosen)',
    );
    expect(() => trainerFor(trajectory, adapter, { objective: 'mdpo' })).to.throw(InputError, 'corrupted image');
    const stale = { ...trajectory, pairs: [{ ...trajectory.pairs[0], inputs: { corruptedChosen: -3 } }] };
    expect(() => trainerFor(stale, adapter, {})).to.throw(InputError, 'brings corruptedChosen');
    expect(trajectory.gpu.liveBytes).to.equal(liveBytes);
    adapter.dispose();
  });

  it('refuses what the device cannot hold, with the numbers', () => {
    const adapter = trajectory.policy.createAdapter({ r: 4, seed: 3 });
    const { gpu } = trajectory;
    const small = Object.create(gpu, {
      device: { value: { limits: { maxBufferSize: 4096, maxStorageBufferBindingSize: 4096 } } },
    });
    expect(() => trainerFor({ ...trajectory, gpu: small }, adapter)).to.throw(
      OutOfMemoryError,
      'micro-batch of 4 pairs',
    );
    const long = trajectory.pairs.map((pair) => ({ ...pair, promptIds: new Array(300).fill(5) }));
    expect(() => trainerFor({ ...trajectory, pairs: long }, adapter)).to.throw(InputError, 'reads at most 256');
    adapter.dispose();
  });

  for (const objective of ['dpo_sigmoid', 'tdpo2']) {
    it(`foretells the memory of ${objective}`, async () => {
      const { gpu } = trajectory;
      const before = gpu.liveBytes;
      gpu.resetPeak();
      const { plan } = await run({ objective, config: { max_steps: 2 } });
      const taken = gpu.peakBytes - before;
      expect(plan.trainingBytes).to.be.within(taken, 1.5 * taken);
    });
  }

  it('trains objectives with scores, NLL terms and statistics of the batch', async () => {
    const scored = trajectory.pairs.map((pair) => ({ ...pair, inputs: { scoreChosen: 0.3, scoreRejected: 0.1 } }));
    for (const objective of ['odpo', 'rpo_dpo_plus_sft', 'beta_dpo_batch', 'orpo', 'bco_pair']) {
      const adapter = trajectory.policy.createAdapter({ r: 4, alpha: 8, seed: 3 });
      const trainer = trainerFor({ ...trajectory, pairs: scored }, adapter, {
        objective,
        config: { max_steps: 4, warmup_steps: 0, learning_rate: 2e-3, per_device_train_batch_size: 8 },
      });
      const { events, error } = await collect(trainer.run());
      trainer.dispose();
      adapter.dispose();
      expect(error, objective).to.equal(undefined);
      const losses = metricsOf(events).map(({ loss }) => loss);
      expect(losses[3], objective).to.be.lessThan(losses[0]);
    }
  });

  it('holds the same memory after 5 and after 50 steps', async () => {
    const live: number[] = [];
    const { gpu, policy } = trajectory;
    const adapter = policy.createAdapter({ r: 4, alpha: 8, targets: ['q_proj'], seed: 3 });
    const trainer = trainerFor(trajectory, adapter, { config: { max_steps: 50, per_device_train_batch_size: 2 } });
    for await (const event of trainer.run()) {
      if (event.type === 'step' && [5, 50].includes(event.metrics.step)) live.push(gpu.liveBytes);
    }
    trainer.dispose();
    adapter.dispose();
    expect(live).to.have.length(2);
    expect(live[1]).to.equal(live[0]);
  });
});
