import { expect } from '@esm-bundle/chai';
import { groupObjectives, lossById } from '../../src/kernels/losses/families/index.ts';
import { type LoraAdapter, unpack } from '../../src/models/policy/index.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { TRAINING_DEFAULTS } from '../../src/training/config.ts';
import { groupLossKernels, recordGroupLoss } from '../../src/training/online/group-loss.ts';
import { Optimizer, optimizerKernels } from '../../src/training/optimizer.ts';
import { golden } from '../support/bundled.ts';
import { expectClose } from '../support/tolerance.ts';
import { loadTrajectory, peftAdapter, peftZip, type Trajectory } from '../support/trajectory.ts';

/** What `tests/golden/make_online_golden.py` writes. */
interface OnlineGolden {
  readonly learning_rate: number;
  readonly prompts: number[][];
  readonly answers: number[][][];
  readonly rewards: number[][];
  /** Per answer, all prompts in turn. */
  readonly logps: number[][];
  readonly old_logps: number[][];
  readonly ref_logps: number[][];
  readonly runs: Record<
    string,
    { hyperparameters: Record<string, number>; steps: { loss: number; grad_norm: number }[] }
  >;
}

/** ‖ours - theirs‖ / ‖theirs‖ per matrix. */
const MOST_RELATIVE = 1e-3;

const norm = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));

describe('group losses over fixed answers, beside PyTorch and PEFT', () => {
  let trajectory: Trajectory;
  let expected: OnlineGolden;
  let gradients: Safetensors;

  before(async () => {
    trajectory = await loadTrajectory();
    expected = await golden('online/golden.json');
    const file = await fetch(new URL('../golden/online/gradients.safetensors', import.meta.url));
    gradients = Safetensors.parse(await file.arrayBuffer(), 'gradients');
    await trajectory.gpu.prepare(optimizerKernels);
  });

  after(() => trajectory.policy.dispose());

  /** Loss, gradient norm and gradients of a step; with a rate, the step is taken. */
  async function step(objective: string, adapter: LoraAdapter, optimizer: Optimizer, number: number) {
    const { gpu, policy } = trajectory;
    const loss = lossById(groupObjectives, objective);
    const { prompts, answers, rewards, old_logps, ref_logps, learning_rate } = expected;
    const sequences = prompts.flatMap((promptIds, p) => answers[p].map((responseIds) => ({ promptIds, responseIds })));
    const scope = gpu.scope('step');
    const pass = policy.trainingPass(sequences, adapter);
    try {
      optimizer.zeroGradients();
      const { logps, starts } = pass;
      const own = (await gpu.read(logps)) as Float32Array;
      const completions = rewards.flat().map((reward, i) => ({
        logps: [...own.subarray(starts[i], starts[i + 1])],
        oldLogps: old_logps[i],
        refLogps: ref_logps[i],
        reward,
      }));
      const batch = { groupSize: answers[0].length, completions };
      const { hyperparameters } = expected.runs[objective];
      const recorded = recordGroupLoss(gpu, scope, { objective: loss, hyperparameters, batch, logps, starts });
      pass.backward(recorded.dLogps, optimizer.gradients);
      const read = [optimizer.norm(scope), recorded.partials, optimizer.gradients];
      const [[gradNorm], partials, buffer] = (await gpu.readAll(read)) as Float32Array[];
      const config = { ...TRAINING_DEFAULTS, weight_decay: 0, max_grad_norm: 0 };
      optimizer.step(config, learning_rate, number, 1, gradNorm);
      return { own, gradNorm, loss: partials[0], matrices: unpack(adapter.plan, buffer) };
    } finally {
      pass.dispose();
      scope.dispose();
    }
  }

  for (const objective of ['grpo', 'bnpo', 'dr_grpo', 'rloo']) {
    it(`${objective}: gradient of every LoRA matrix, and five steps`, async () => {
      const { gpu, policy } = trajectory;
      await gpu.prepare(groupLossKernels(lossById(groupObjectives, objective)));
      const adapter = await peftAdapter(policy, await peftZip('trained'));
      const optimizer = new Optimizer(gpu, adapter.parameters);
      try {
        const { steps } = expected.runs[objective];
        for (const [index, wanted] of steps.entries()) {
          const { own, loss, gradNorm, matrices } = await step(objective, adapter, optimizer, index + 1);
          expectClose([loss], [wanted.loss], { atol: 2e-4, rtol: 1e-3 }, `loss of step ${index + 1}`);
          expectClose([gradNorm], [wanted.grad_norm], { atol: 1e-4, rtol: 5e-3 }, `norm of step ${index + 1}`);
          if (index > 0) continue;
          expectClose(own, expected.logps.flat(), { atol: 3e-4, rtol: 0 }, 'logps');
          const stored = gradients.names.filter((name) => name.startsWith(`${objective}.`));
          if (stored.length === 0) continue;
          expect(stored).to.have.length(matrices.size);
          const errors = [...matrices].map(([name, values]) => {
            // PEFT on the bare decoder knows no `text_model`.
            const place = `${objective}.${name.replace('model.text_model.', 'model.')}`;
            const theirs = new Float32Array(gradients.get(place).bytes.slice().buffer);
            return [name, norm(values.map((value, i) => value - theirs[i])) / norm(theirs)] as const;
          });
          const wrong = errors.filter(([, error]) => !(error <= MOST_RELATIVE));
          expect(wrong.map(([name, error]) => `${name}: ${error.toExponential(2)}`)).to.deep.equal([]);
        }
      } finally {
        optimizer.dispose();
        adapter.dispose();
      }
    });
  }
});
