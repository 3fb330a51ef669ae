import { expect } from '@esm-bundle/chai';
import type { Gpu, Scope } from '../../src/kernels/gpu/index.ts';
import { dropoutKey, dropoutParams } from '../../src/kernels/lora-dropout/kernel.ts';
import { dropoutMask } from '../../src/kernels/lora-dropout/reference.ts';
import { trainingBytes, trainingSize, unpack } from '../../src/models/policy/index.ts';
import type { SequenceInput } from '../../src/models/policy/layout.ts';
import type { ReferenceLogps, TokenizedPair } from '../../src/training/data.ts';
import { trainingFamily } from '../../src/training/families/index.ts';
import { runSettings } from '../../src/training/settings.ts';
import { type DropoutGoldenSetup, loadDropoutGolden } from '../support/dropout-golden.ts';
import { pairSequences } from '../support/lora-golden.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { EXACT, expectClose } from '../support/tolerance.ts';

/** f32 kernels against float64, as without dropout. */
const LOGPS = { atol: 3e-4, rtol: 0 };
/** ‖ours - theirs‖ / ‖theirs‖ per matrix. */
const MOST_RELATIVE = 1e-3;

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));

for (const name of ['tied', 'untied'] as const) {
  describe(`LoRA dropout (${name})`, () => {
    let gpu: Gpu;
    let setup: DropoutGoldenSetup;
    let scope: Scope;
    let sequences: SequenceInput[];

    before(async () => {
      gpu = await sharedGpu();
      setup = await loadDropoutGolden(gpu, name);
      scope = gpu.scope('test');
      sequences = pairSequences(scope, setup);
    });
    after(() => {
      scope.dispose();
      setup.adapter.dispose();
      setup.policy.dispose();
    });

    /** Loss, log-probabilities and gradients of DPO over all pairs, with the masks of the golden or of another key. */
    async function microBatch(key?: number, gradients = setup.adapter.zeros(scope, 'gradients')) {
      const { golden, policy, adapter, dropout } = setup;
      const pairs = golden.pairs.map((pair, index): TokenizedPair => {
        const { promptIds, visual, imageTokenId } = sequences[2 * index];
        const answers = { chosenIds: pair.chosen_ids, rejectedIds: pair.rejected_ids };
        const picture = visual && { visual: () => Promise.resolve(visual), imageTokenId };
        return { key: `${index}`, promptIds, ...answers, ...picture } as TokenizedPair;
      });
      const references = new Map<string, ReferenceLogps>(
        golden.pairs.map(({ ref_chosen_logps, ref_rejected_logps }, index) => [
          `${index}`,
          { chosen: Float32Array.from(ref_chosen_logps), rejected: Float32Array.from(ref_rejected_logps) },
        ]),
      );
      const settings = runSettings({ objective: 'dpo_sigmoid', hyperparameters: golden.dpo });
      const family = trainingFamily({ gpu, policy, adapter, pairs, settings, references });
      const batch = pairs.map((_, index) => index);
      const { seed, step, micro_batch: index } = dropout;
      adapter.dropoutKey = key ?? dropoutKey(seed, step, index);
      const micro = await family.microBatch({ step, batches: [batch], index, batch, scope, gradients, state: {} });
      const [read, ...values] = (await gpu.readAll([gradients, ...micro.read])) as Float32Array[];
      return { flat: read, matrices: unpack(adapter.plan, read), loss: micro.metrics(values).means.loss };
    }

    it('draws the masks that Python draws', () => {
      const { adapter, dropout, masks } = setup;
      const drawn = { p: dropout.p, key: dropoutKey(dropout.seed, dropout.step, dropout.micro_batch) };
      let at = 0;
      for (const [layer, places] of adapter.plan.layers.entries()) {
        for (const { projection, slices, width } of places) {
          const product = ['qkv', 'output', 'gateUp', 'down'].indexOf(projection);
          const shape = { rows: dropout.rows, slices: slices.length, width };
          const mask = dropoutMask({ ...shape, ...dropoutParams(drawn, layer, product) });
          expect([...mask], `layer ${layer} ${projection}`).to.deep.equal([...masks.slice(at, at + mask.length)]);
          at += mask.length;
        }
      }
      expect(masks.length - at).to.be.within(0, 7);
    });

    it('gives the log-probabilities and gradients of PyTorch and PEFT under the same masks', async () => {
      const { policy, adapter, dropout, dropoutGradients } = setup;
      adapter.dropoutKey = dropoutKey(dropout.seed, dropout.step, dropout.micro_batch);
      const pass = policy.trainingPass(sequences, adapter);
      expect(pass.rows).to.equal(dropout.rows);
      expectClose(await gpu.read(pass.logps), dropout.logps.flat(2), LOGPS, 'logps');
      pass.dispose();

      const { loss, matrices } = await microBatch();
      expect(loss).to.be.closeTo(dropout.loss, 1e-4);
      expect(matrices.size).to.equal(adapter.matrices.length);
      const wrong: string[] = [];
      for (const [matrix, values] of matrices) {
        const wanted = dropoutGradients.get(matrix)!;
        const error = norm(values.map((value, i) => value - wanted[i])) / norm(wanted);
        if (!(error <= MOST_RELATIVE)) wrong.push(`${matrix}: ${error.toExponential(2)}`);
      }
      expect(wrong).to.deep.equal([]);
    });

    it('draws other masks for another key, and the same for the same', async () => {
      const first = await microBatch();
      const again = await microBatch();
      const other = await microBatch(7);
      expectClose(again.flat, first.flat, EXACT, 'gradients');
      expect(norm(other.flat.map((value, i) => value - first.flat[i]))).to.be.greaterThan(0.05 * norm(first.flat));
    });

    it('adds the gradients of micro-batches with masks of their own', async () => {
      const gradients = setup.adapter.zeros(scope, 'gradients');
      const [first, second] = [await microBatch(1), await microBatch(2)];
      await microBatch(1, gradients);
      const both = await microBatch(2, gradients);
      const sum = first.flat.map((value, i) => value + second.flat[i]);
      expectClose(both.flat, sum, { atol: 1e-6, rtol: 1e-4 }, 'gradients');
    });

    it('is off where nothing is trained', async () => {
      const { golden, policy, adapter } = setup;
      adapter.dropoutKey = 5;
      const scores = await policy.scoreMany(sequences, { adapter });
      golden.pairs.forEach((pair, i) => {
        expectClose(scores[2 * i].logps, pair.chosen_logps, LOGPS, `pair ${i} chosen`);
        expectClose(scores[2 * i + 1].logps, pair.rejected_logps, LOGPS, `pair ${i} rejected`);
      });
    });

    it('at p = 0 is no work', async () => {
      const { golden, policy } = setup;
      const runs = () =>
        gpu.reports().reduce((sum, report) => (report.name.startsWith('lora-dropout') ? sum + report.runs : sum), 0);
      const before = runs();
      const plain = policy.createAdapter({ ...golden.lora, dropout: 0 });
      const pass = policy.trainingPass(sequences, plain);
      const dLogps = scope.upload('f32', [pass.tokens], new Float32Array(pass.tokens).fill(0.1), 'd(logps)');
      pass.backward(dLogps, plain.zeros(scope, 'gradients'));
      await gpu.idle();
      pass.dispose();
      plain.dispose();
      expect(runs()).to.equal(before);
      expect(before).to.be.greaterThan(0);
    });

    it('takes the memory that was announced', async () => {
      const { policy, adapter } = setup;
      const gradients = adapter.zeros(scope, 'gradients');
      await gpu.idle();
      gpu.resetPeak();
      const before = gpu.liveBytes;
      const pass = policy.trainingPass(sequences, adapter);
      const work = gpu.scope('slopes');
      pass.backward(work.upload('f32', [pass.tokens], new Float32Array(pass.tokens).fill(0.1), 'd(logps)'), gradients);
      pass.dispose();
      work.dispose();
      await gpu.idle();
      expect(gpu.liveBytes).to.equal(before);
      const { rows, tokens } = trainingSize(sequences);
      const { activations } = trainingBytes(policy.config, adapter.plan, rows, tokens);
      const plain = policy.planLora(setup.golden.lora);
      expect(activations).to.be.greaterThan(trainingBytes(policy.config, plain, rows, tokens).activations);
      expect(gpu.peakBytes - before).to.be.within(0.8 * activations, activations);
    });
  });
}
