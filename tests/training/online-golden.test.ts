import { expect } from '@esm-bundle/chai';
import type { KernelSpec } from '../../src/kernels/gpu/index.ts';
import { groupObjectives, lossById } from '../../src/kernels/losses/families/index.ts';
import { scoreHead, scoreHeadBackward } from '../../src/kernels/score-head/kernel.ts';
import { importPeft, type LoraAdapter, matricesFor, unpack } from '../../src/models/policy/index.ts';
import { SCORE_NAME } from '../../src/models/policy/lora.ts';
import { Safetensors } from '../../src/models/weights/safetensors.ts';
import { trainsCritic } from '../../src/training/checkpoint.ts';
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
  /** Weights of the critic's layer, and its values now and "when sampled", per answer. */
  readonly score: number[];
  readonly values: number[][];
  readonly old_values: number[][];
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
    await trajectory.gpu.prepare([...optimizerKernels, scoreHead, scoreHeadBackward] as KernelSpec[]);
  });

  after(() => trajectory.policy.dispose());

  /** The trained adapter, with the critic where there is one. */
  async function adapterFor(objective: string): Promise<LoraAdapter> {
    const { policy } = trajectory;
    if (!trainsCritic(objective)) return peftAdapter(policy, await peftZip('trained'));
    const peft = await importPeft(await peftZip('trained'));
    const adapter = policy.createAdapter({ ...peft.lora, critic: true, seed: 0 });
    adapter.write(matricesFor(adapter.plan, peft).set(SCORE_NAME, Float32Array.from(expected.score)));
    return adapter;
  }

  /** Loss, gradient norm and gradients of a step; with a rate, the step is taken. */
  async function step(objective: string, adapter: LoraAdapter, optimizer: Optimizer, number: number) {
    const { gpu, policy } = trajectory;
    const loss = lossById(groupObjectives, objective);
    const { prompts, answers, rewards, old_logps, old_values, ref_logps, learning_rate } = expected;
    const sequences = prompts.flatMap((promptIds, p) => answers[p].map((responseIds) => ({ promptIds, responseIds })));
    const scope = gpu.scope('step');
    const pass = policy.trainingPass(sequences, adapter);
    try {
      optimizer.zeroGradients();
      const { logps, starts } = pass;
      const values = scope.tensor('f32', [logps.size], 'values');
      const critic = trainsCritic(objective);
      if (critic) gpu.run(scoreHead, { hidden: pass.hidden, weights: adapter.score, scores: values });
      const [own, valued] = (await gpu.readAll([logps, values])) as Float32Array[];
      const completions = rewards.flat().map((reward, i) => ({
        logps: [...own.subarray(starts[i], starts[i + 1])],
        ...(critic && { values: [...valued.subarray(starts[i], starts[i + 1])], oldValues: old_values[i] }),
        oldLogps: old_logps[i],
        refLogps: ref_logps[i],
        reward,
      }));
      const batch = { groupSize: answers[0].length, completions };
      const { hyperparameters } = expected.runs[objective];
      const recorded = recordGroupLoss(gpu, scope, { objective: loss, hyperparameters, batch, logps, starts });
      const dHidden = scope.zeros('f32', pass.hidden.shape, 'd hidden');
      if (critic) {
        const d_weights = adapter.scoreGradient(optimizer.gradients);
        const head = { hidden: pass.hidden, weights: adapter.score };
        gpu.run(scoreHeadBackward, { ...head, d_scores: recorded.dValues!, d_hidden: dHidden, d_weights });
      }
      pass.backward(recorded.dLogps, optimizer.gradients, critic ? { dHidden } : {});
      const read = [optimizer.norm(scope), recorded.partials, optimizer.gradients];
      const [[gradNorm], partials, buffer] = (await gpu.readAll(read)) as Float32Array[];
      const config = { ...TRAINING_DEFAULTS, weight_decay: 0, max_grad_norm: 0 };
      optimizer.step(config, learning_rate, number, 1, gradNorm);
      return { own, valued, gradNorm, loss: partials[0], matrices: unpack(adapter.plan, buffer) };
    } finally {
      pass.dispose();
      scope.dispose();
    }
  }

  for (const objective of ['grpo', 'bnpo', 'dr_grpo', 'rloo', 'ppo_fact_rlhf']) {
    it(`${objective}: gradient of every LoRA matrix, and five steps`, async () => {
      const { gpu } = trajectory;
      await gpu.prepare(groupLossKernels(lossById(groupObjectives, objective)));
      const adapter = await adapterFor(objective);
      const optimizer = new Optimizer(gpu, adapter.parameters);
      try {
        const { steps } = expected.runs[objective];
        for (const [index, wanted] of steps.entries()) {
          const { own, valued, loss, gradNorm, matrices } = await step(objective, adapter, optimizer, index + 1);
          expectClose([loss], [wanted.loss], { atol: 2e-4, rtol: 1e-3 }, `loss of step ${index + 1}`);
          expectClose([gradNorm], [wanted.grad_norm], { atol: 1e-4, rtol: 5e-3 }, `norm of step ${index + 1}`);
          if (index > 0) continue;
          expectClose(own, expected.logps.flat(), { atol: 3e-4, rtol: 0 }, 'logps');
          if (trainsCritic(objective)) expectClose(valued, expected.values.flat(), { atol: 3e-4, rtol: 0 }, 'values');
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
