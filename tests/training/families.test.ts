import { expect } from '@esm-bundle/chai';
import { EngineError, InputError } from '../../src/errors.ts';
import {
  checkpointOf,
  collect,
  loadTrajectory,
  metricsOf,
  type Run,
  type Trajectory,
  trainerFor,
} from '../support/trajectory.ts';

describe('families of losses in the trainer', () => {
  let trajectory: Trajectory;

  before(async () => {
    trajectory = await loadTrajectory();
  });

  after(() => {
    trajectory.policy.dispose();
    expect(trajectory.gpu.openScopes()).to.deep.equal([]);
  });

  const adapterFor = (objective: string) =>
    trajectory.policy.createAdapter({
      r: 4,
      alpha: 8,
      targets: ['q_proj', 'down_proj'],
      seed: 3,
      score: objective.startsWith('bradley_terry'),
    });

  /** Trains a fresh adapter, or goes on from a checkpoint. */
  async function run(options: Run & { resume?: Parameters<typeof trainerFor>[3]; stopAfter?: number }) {
    const adapter = adapterFor(options.objective!);
    try {
      const trainer = trainerFor(trajectory, adapter, options, options.resume);
      const result = await collect(trainer.run(options));
      trainer.dispose();
      return { ...result, plan: trainer.plan };
    } finally {
      adapter.dispose();
    }
  }

  const config = { max_steps: 4, warmup_steps: 0, learning_rate: 2e-3, per_device_train_batch_size: 2 };

  for (const objective of ['bco_unpaired', 'kto', 'aot', 'bradley_terry']) {
    it(`${objective}: resumes the same trajectory, bit for bit`, async () => {
      const whole = await run({ objective, config });
      expect(whole.error).to.equal(undefined);
      const begun = await run({ objective, config, stopAfter: 2 });
      const resumed = await run({ objective, resume: structuredClone(checkpointOf(begun.events)) });
      expect(metricsOf(resumed.events).map(({ loss }) => loss)).to.deep.equal(
        metricsOf(whole.events)
          .slice(2)
          .map(({ loss }) => loss),
      );
      expect(checkpointOf(resumed.events)).to.deep.equal(checkpointOf(whole.events));
    });
  }

  it('keeps the mean reward of BCO over micro-batches and steps', async () => {
    const accumulation = { ...config, per_device_train_batch_size: 1, gradient_accumulation_steps: 2 };
    const { events } = await run({ objective: 'bco_unpaired', config: accumulation });
    const rewards = metricsOf(events).map((metrics) => metrics['rewards/chosen']! + metrics['rewards/rejected']!);
    const { familyState } = checkpointOf(events);
    expect(familyState!.seen_count).to.equal(16);
    expect(familyState!.seen_mean).to.be.closeTo(rewards.reduce((sum, value) => sum + value, 0) / 8, 1e-5);
  });

  it('takes the mean back with a step that gave no finite number', async () => {
    const absurd = { ...config, learning_rate: 1e30, lr_scheduler_type: 'constant' as const, max_grad_norm: 0 };
    const { events, error } = await run({ objective: 'bco_unpaired', config: absurd });
    expect(error).to.be.instanceOf(EngineError);
    expect(checkpointOf(events).step).to.equal(0);
    expect(checkpointOf(events).familyState).to.deep.equal({ seen_mean: 0, seen_count: 0 });
  });

  it('refuses micro-batches in which KTO has no answer to another prompt', () => {
    const adapter = adapterFor('kto');
    const refused = (pairs: number, size: number) => () =>
      trainerFor({ ...trajectory, pairs: trajectory.pairs.slice(0, pairs) }, adapter, {
        objective: 'kto',
        config: { per_device_train_batch_size: size },
      });
    expect(refused(8, 1)).to.throw(InputError, 'set per_device_train_batch_size to 2.');
    expect(refused(5, 4)).to.throw(
      InputError,
      '5 pairs in micro-batches of 4 leave one alone: set per_device_train_batch_size to 5.',
    );
    expect(refused(1, 4)).to.throw(InputError, 'one pair is too few');
    refused(6, 4)().dispose();
    adapter.dispose();
  });

  it('says what FDPO and a margin lack', () => {
    const adapter = adapterFor('fdpo');
    const [pair] = trajectory.pairs;
    const same = { ...trajectory, pairs: [{ ...pair, rejectedIds: pair.chosenIds }] };
    expect(() => trainerFor(same, adapter, { objective: 'fdpo' })).to.throw(InputError, 'the same answer twice');
    const objective = 'bradley_terry_margin';
    expect(() => trainerFor(trajectory, adapter, { objective })).to.throw(InputError, 'lacks by how much');
    adapter.dispose();
  });

  it('foretells the memory of each family', async () => {
    const { gpu } = trajectory;
    for (const objective of ['kto', 'aot', 'fdpo', 'bradley_terry']) {
      const before = gpu.liveBytes;
      gpu.resetPeak();
      const { plan, error } = await run({ objective, config: { ...config, max_steps: 1 } });
      expect(error, objective).to.equal(undefined);
      expect(plan.trainingBytes, objective).to.be.within(gpu.peakBytes - before, 1.6 * (gpu.peakBytes - before));
      expect(gpu.liveBytes, objective).to.equal(before);
    }
  });
});
