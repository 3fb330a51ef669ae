import { expect } from '@esm-bundle/chai';
import type { Scope } from '../../src/kernels/gpu/index.ts';
import { evaluateOnGpu } from '../../src/kernels/preference-loss/index.ts';
import { type TrainingPass, unpack } from '../../src/models/policy/index.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import { type LoraGoldenSetup, loadLoraGolden, pairSequences } from '../support/lora-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

/** f32 kernels against float64, as for the decoder alone. */
const LOGPS = { atol: 3e-4, rtol: 0 };
/** ‖ours - theirs‖ / ‖theirs‖ per matrix. */
const MOST_RELATIVE = 1e-3;

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(sum(Array.from(values, (value) => value * value)));
}

/** d(mean loss over pairs) / d(logps) of every token, by the product's own loss kernel; and that loss. */
async function lossGradient(setup: LoraGoldenSetup, logps: ArrayLike<number>, objective: 'dpo' | 'simpo') {
  const { golden } = setup;
  let at = 0;
  const take = (n: number) => sum(Array.from({ length: n }, () => logps[at++]));
  const rows = golden.pairs.map((pair) => ({
    chosen: take(pair.chosen_ids.length),
    rejected: take(pair.rejected_ids.length),
    refChosen: sum(pair.ref_chosen_logps),
    refRejected: sum(pair.ref_rejected_logps),
    chosenLength: pair.chosen_ids.length,
    rejectedLength: pair.rejected_ids.length,
  }));
  const evaluation = await evaluateOnGpu(await sharedGpu(), {
    objective: objective === 'dpo' ? 'dpo_sigmoid' : 'simpo',
    hyperparameters: golden[objective],
    rows,
  });
  const dLogps = evaluation.batchGradients.flatMap(({ chosen, rejected }, i) => [
    ...new Array<number>(golden.pairs[i].chosen_ids.length).fill(chosen),
    ...new Array<number>(golden.pairs[i].rejected_ids.length).fill(rejected),
  ]);
  return { loss: evaluation.batch.loss, dLogps: Float32Array.from(dLogps) };
}

for (const name of ['tied', 'untied', 'toybox-vlm'] as const) {
  describe(`LoRA gradients (${name})`, () => {
    let setup: LoraGoldenSetup;
    let scope: Scope;
    let sequences: SequenceInput[];

    before(async () => {
      const gpu = await sharedGpu();
      setup = await loadLoraGolden(gpu, name);
      scope = gpu.scope('test');
      sequences = pairSequences(scope, setup);
    });
    after(() => {
      scope.dispose();
      setup.adapter.dispose();
      setup.policy.dispose();
    });

    it('scores as PEFT does, with the adapter and without', async () => {
      const { golden, policy, adapter } = setup;
      const withAdapter = await policy.scoreMany(sequences, { adapter });
      const without = await policy.scoreMany(sequences);
      golden.pairs.forEach((pair, i) => {
        expectClose(withAdapter[2 * i].logps, pair.chosen_logps, LOGPS, `pair ${i} chosen`);
        expectClose(withAdapter[2 * i + 1].logps, pair.rejected_logps, LOGPS, `pair ${i} rejected`);
        expectClose(without[2 * i].logps, pair.ref_chosen_logps, LOGPS, `pair ${i} reference chosen`);
        expectClose(without[2 * i + 1].logps, pair.ref_rejected_logps, LOGPS, `pair ${i} reference rejected`);
      });
    });

    for (const objective of ['dpo', 'simpo'] as const) {
      it(`of ${objective.toUpperCase()} agree with PyTorch and PEFT`, async () => {
        const gpu = await sharedGpu();
        const { golden, policy, adapter, gradients: expected } = setup;
        const gradients = adapter.zeros(scope, 'gradients');
        const pass: TrainingPass = policy.trainingPass(sequences, adapter);
        const { loss, dLogps } = await lossGradient(setup, await gpu.read(pass.logps), objective);
        expect(loss).to.be.closeTo(golden.losses[objective], 1e-4);
        pass.backward(scope.upload('f32', [dLogps.length], dLogps, 'd(logps)'), gradients);
        pass.dispose();

        const actual = unpack(adapter.plan, (await gpu.read(gradients)) as Float32Array);
        expect(actual.size).to.equal(adapter.matrices.length);
        const errors: [string, number][] = [];
        for (const [matrix, values] of actual) {
          const wanted = expected.get(`${objective}.${matrix}`)!;
          const difference = values.map((value, i) => value - wanted[i]);
          errors.push([matrix, norm(difference) / norm(wanted)]);
        }
        const wrong = errors.filter(([, error]) => !(error <= MOST_RELATIVE));
        expect(wrong.map(([matrix, error]) => `${matrix}: ${error.toExponential(2)}`)).to.deep.equal([]);
      });
    }
  });
}
