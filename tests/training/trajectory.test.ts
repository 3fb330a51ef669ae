import { expect } from '@esm-bundle/chai';
import { scoreHead } from '../../src/kernels/score-head/kernel.ts';
import { exportPeft } from '../../src/models/policy/index.ts';
import { sequencesOf } from '../../src/training/data.ts';
import { stepBatches } from '../../src/training/data-order.ts';
import { expectClose } from '../support/tolerance.ts';
import {
  collect,
  loadTrajectory,
  metricsOf,
  peftAdapter,
  peftFiles,
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

  for (const objective of ['dpo_sigmoid', 'simpo', 'kto', 'bradley_terry']) {
    it(`follows 20 steps of ${objective}`, async () => {
      const { golden, policy, pairs } = trajectory;
      const { hyperparameters, steps } = golden.runs[objective];
      const start = objective === 'bradley_terry' ? 'initial-reward' : 'initial';
      const adapter = await peftAdapter(policy, await peftZip(start));
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
        const compared: Record<string, { atol: number; rtol: number }> = {
          loss: NEAR,
          'rewards/chosen': NEAR,
          'rewards/rejected': NEAR,
          'rewards/margins': NEAR,
          'rewards/accuracies': { atol: 1e-6, rtol: 0 },
          kl: NEAR,
          learning_rate: { atol: 1e-9, rtol: 1e-9 },
          grad_norm: { atol: 1e-3, rtol: 2e-3 },
          'logps/chosen': NEAR_LOGPS,
          'logps/rejected': NEAR_LOGPS,
        };
        for (const [name, tolerance] of Object.entries(compared)) {
          expect(name in metrics[0], `logs ${name}`).to.equal(name in steps[0]);
          if (name in steps[0]) expectClose(column(metrics, name), column(steps, name), tolerance, name);
        }
      } finally {
        trainer.dispose();
        adapter.dispose();
      }
    });
  }

  it('gives the scores of a reward model that PEFT wrote, and writes it as PEFT does', async () => {
    const { gpu, policy, golden, pairs } = trajectory;
    for (const stage of ['initial', 'trained'] as const) {
      const bytes = await peftZip(`${stage}-reward`);
      const adapter = await peftAdapter(policy, bytes);
      const pass = policy.scoringPass(await sequencesOf(pairs), adapter);
      const scores = pass.scope.tensor('f32', [2 * pairs.length], 'scores');
      gpu.run(scoreHead, { hidden: pass.hidden, weights: adapter.score, scores });
      expectClose((await gpu.read(scores)) as Float32Array, golden.scores[stage].flat(), { atol: 1e-4, rtol: 0 });
      pass.dispose();
      const again = await exportPeft(adapter.plan, await adapter.read(), { name: 'tiny' });
      const [ours, theirs] = [await peftFiles(again), await peftFiles(bytes)];
      expect(theirs.config.modules_to_save).to.include.members(ours.config.modules_to_save as string[]);
      for (const field of ['task_type', 'r', 'lora_alpha']) {
        expect(ours.config[field], field).to.deep.equal(theirs.config[field]);
      }
      const score = 'base_model.model.score.weight';
      expect(ours.weights.get(score).shape).to.deep.equal(theirs.weights.get(score).shape);
      expect(ours.weights.get(score).bytes).to.deep.equal(theirs.weights.get(score).bytes);
      adapter.dispose();
    }
  });

  it('gives the log-probabilities of an adapter that PEFT wrote', async () => {
    const adapter = await peftAdapter(trajectory.policy, await peftZip('trained'));
    try {
      const trained = await logps(adapter);
      expectClose(trained, trajectory.golden.trained.flat(2), { atol: 1e-3, rtol: 0 });
      const again = await peftAdapter(
        trajectory.policy,
        await exportPeft(adapter.plan, await adapter.read(), { name: 'tiny' }),
      );
      expect(await logps(again)).to.deep.equal(trained);
      again.dispose();
    } finally {
      adapter.dispose();
    }
  });
});
