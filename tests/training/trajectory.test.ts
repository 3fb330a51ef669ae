import { expect } from '@esm-bundle/chai';
import { exportPeft } from '../../src/models/policy/index.ts';
import { sequencesOf } from '../../src/training/data.ts';
import { stepBatches } from '../../src/training/data-order.ts';
import { expectClose } from '../support/tolerance.ts';
import {
  collect,
  loadTrajectory,
  metricsOf,
  peftAdapter,
  peftZip,
  type Trajectory,
  trainerFor,
} from '../support/trajectory.ts';

/** Loss and margins of a run in f32 beside one in float64. */
const NEAR = { atol: 1e-3, rtol: 0 };
/** Sums of log-probabilities around -50. */
const NEAR_LOGPS = { atol: 1e-2, rtol: 0 };

describe('training, beside PyTorch and PEFT', () => {
  let trajectory: Trajectory;

  before(async () => {
    trajectory = await loadTrajectory();
  });

  after(() => trajectory.policy.dispose());

  /** Token log-probabilities of every pair, chosen then rejected. */
  async function logps(adapter?: Awaited<ReturnType<typeof peftAdapter>>): Promise<number[]> {
    const { policy, pairs } = trajectory;
    const scores = await policy.scoreMany(await sequencesOf(pairs), { adapter });
    return scores.flatMap(({ logps }) => [...logps]);
  }

  it('starts from the reference that PyTorch computes', async () => {
    expectClose(await logps(), trajectory.golden.reference.flat(2), { atol: 1e-3, rtol: 0 });
  });

  for (const objective of ['dpo_sigmoid', 'simpo']) {
    it(`follows 20 steps of ${objective}`, async () => {
      const { golden, policy, pairs } = trajectory;
      const { hyperparameters, steps } = golden.runs[objective];
      const adapter = await peftAdapter(policy, await peftZip('initial'));
      const trainer = trainerFor(trajectory, adapter, { objective, hyperparameters });
      try {
        const { events, error } = await collect(trainer.run());
        expect(error).to.equal(undefined);
        const metrics = metricsOf(events);
        expect(metrics).to.have.length(steps.length);
        for (const [index, step] of steps.entries()) {
          expect(stepBatches(trainer.plan.config, pairs.length, index).flat()).to.deep.equal(step.pairs);
        }
        const column = (rows: readonly object[], name: string) =>
          rows.map((row) => (row as Record<string, number>)[name]);
        for (const name of ['loss', 'rewards/chosen', 'rewards/rejected', 'rewards/margins']) {
          expectClose(column(metrics, name), column(steps, name), NEAR, name);
        }
        expectClose(column(metrics, 'rewards/accuracies'), column(steps, 'rewards/accuracies'), {
          atol: 1e-6,
          rtol: 0,
        });
        expectClose(column(metrics, 'learning_rate'), column(steps, 'learning_rate'), { atol: 1e-9, rtol: 1e-9 });
        expectClose(column(metrics, 'grad_norm'), column(steps, 'grad_norm'), { atol: 1e-3, rtol: 2e-3 }, 'grad_norm');
        for (const name of ['logps/chosen', 'logps/rejected']) {
          expectClose(column(metrics, name), column(steps, name), NEAR_LOGPS, name);
        }
      } finally {
        trainer.dispose();
        adapter.dispose();
      }
    });
  }

  it('gives the log-probabilities of an adapter that PEFT wrote', async () => {
    const adapter = await peftAdapter(trajectory.policy, await peftZip('trained'));
    try {
      const trained = await logps(adapter);
      expectClose(trained, trajectory.golden.trained.flat(2), { atol: 1e-3, rtol: 0 });
      const again = await peftAdapter(trajectory.policy, await exportPeft(adapter.plan, await adapter.read()));
      expect(await logps(again)).to.deep.equal(trained);
      again.dispose();
    } finally {
      adapter.dispose();
    }
  });
});
