import { expect } from '@esm-bundle/chai';
import type { EvaluateRequest, PairRow } from '../../src/engine/engine.ts';
import { batchGradientsF64, evaluateF64, prepareBatch } from '../../src/kernels/losses/evaluate.ts';
import { objectives } from '../../src/kernels/losses/index.ts';
import type { Objective } from '../../src/kernels/losses/objective.ts';
import { packPairs } from '../../src/kernels/preference-loss/evaluate.ts';
import { evaluateOnGpu, type GpuEvaluation, preferenceLoss } from '../../src/kernels/preference-loss/index.ts';
import {
  PAIR_FLOATS,
  PAIRS_PER_GROUP,
  PARTIAL_COLUMNS,
  RESULT_FLOATS,
} from '../../src/kernels/preference-loss/kernel.ts';
import { drawHyperparameters, extremeRows, onlyNeeded, randomRow, WGSL } from '../losses/checks.ts';
import { hyperparametersOf, referenceFile, rowsOf } from '../losses/reference.ts';
import { runKernel } from '../support/kernel-harness.ts';
import { random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

/** Runs the request on the GPU and compares every number with float64. */
async function compare(request: EvaluateRequest): Promise<GpuEvaluation> {
  const actual = await evaluateOnGpu(await sharedGpu(), request);
  const expected = evaluateF64(request);
  const name = `${request.objective} ${JSON.stringify(request.hyperparameters)}`;
  const flat = (pairs: typeof expected.pairs) => ({
    loss: pairs.map((pair) => pair.loss),
    'rewards.chosen': pairs.map((pair) => pair.rewards.chosen),
    'rewards.rejected': pairs.map((pair) => pair.rewards.rejected),
    margin: pairs.map((pair) => pair.margin),
    ...Object.fromEntries(
      Object.keys(pairs[0].gradients).map((key) => [
        `gradient ${key}`,
        pairs.map((pair) => pair.gradients[key as 'chosen'] ?? Number.NaN),
      ]),
    ),
  });
  const [got, want] = [flat(actual.pairs), flat(expected.pairs)] as Record<string, number[]>[];
  expect(Object.keys(got)).to.deep.equal(Object.keys(want));
  for (const key of Object.keys(want)) expectClose(got[key], want[key], WGSL, `${name}: ${key}`);
  const gradients = batchGradientsF64(request);
  for (const side of ['chosen', 'rejected'] as const) {
    const [a, b] = [actual.batchGradients, gradients].map((each) => each.map((pair) => pair[side]));
    expectClose(a, b, WGSL, `${name}: batch gradient ${side}`);
  }
  for (const [key, value] of Object.entries(expected.batch)) {
    expectClose([actual.batch[key as 'loss']], [value], WGSL, `${name}: ${key}`);
  }
  return actual;
}

describe('preference-loss', () => {
  for (const objective of objectives) {
    describe(objective.id, () => describeWgsl(objective));
  }

  it('evaluates thousands of pairs in one dispatch', async () => {
    const generator = random(5);
    const rows = Array.from({ length: 4097 }, () => randomRow(generator));
    const { pairs, backend } = await compare({ objective: 'dpo_sigmoid', hyperparameters: { beta: 0.3 }, rows });
    expect(pairs).to.have.length(4097);
    expect(backend).to.equal('wgsl');
    const report = (await sharedGpu()).reports().find((each) => each.name === 'preference-loss/dpo_sigmoid');
    expect(report?.last?.workgroups).to.deep.equal([65, 1, 1]);
  });

  it('moves a slider without compiling and leaves nothing behind', async () => {
    const gpu = await sharedGpu();
    const rows = rowsOf((await referenceFile()).inputs.pairs);
    await evaluateOnGpu(gpu, { objective: 'dpo_sigmoid', hyperparameters: { beta: 0.1 }, rows });
    const { createShaderModule } = GPUDevice.prototype;
    let compiled = 0;
    GPUDevice.prototype.createShaderModule = function (descriptor) {
      compiled++;
      return createShaderModule.call(this, descriptor);
    };
    const bytes = gpu.liveBytes;
    try {
      for (const beta of [0.2, 0.3, 0.4]) {
        await evaluateOnGpu(gpu, { objective: 'dpo_sigmoid', hyperparameters: { beta }, rows });
      }
    } finally {
      GPUDevice.prototype.createShaderModule = createShaderModule;
    }
    expect(compiled).to.equal(0);
    expect(gpu.liveBytes).to.equal(bytes);
  });

  for (const pairs of [1, 61, PAIRS_PER_GROUP + 1]) {
    it(`stays inside its buffers with ${pairs} pairs`, async () => {
      const generator = random(17);
      const request = {
        objective: 'cpo',
        hyperparameters: {},
        rows: Array.from({ length: pairs }, () => randomRow(generator)),
      };
      const { objective, values, pairs: inputs, nllWeight, chosenTokens } = prepareBatch(request);
      const groups = Math.ceil(pairs / PAIRS_PER_GROUP);
      const { partials } = await runKernel(preferenceLoss(objective), {
        tensors: {
          rows: { shape: [pairs, PAIR_FLOATS], data: packPairs(objective, inputs) },
          results: { shape: [pairs, RESULT_FLOATS] },
          batch_gradients: { shape: [pairs, 2] },
          partials: { shape: [groups, PARTIAL_COLUMNS.length] },
        },
        params: { ...values, nll_weight: nllWeight, chosen_tokens: chosenTokens, constant: 0 },
      });
      const loss = Array.from({ length: groups }, (_, group) => partials[group * PARTIAL_COLUMNS.length]);
      expectClose([loss.reduce((sum, part) => sum + part, 0)], [evaluateF64(request).batch.loss], WGSL, 'batch loss');
    });
  }

  it('counts a tie as not accurate', async () => {
    const row: PairRow = { chosen: -5, rejected: -5, refChosen: -6, refRejected: -6 };
    const { batch } = await compare({ objective: 'dpo_sigmoid', hyperparameters: {}, rows: [row] });
    expect(batch['rewards/accuracies']).to.equal(0);
    expect(batch.loss).to.be.closeTo(Math.LN2, 1e-6);
  });
});

function describeWgsl(objective: Objective): void {
  const { id } = objective;

  it('compiles', async () => {
    await (await sharedGpu()).prepare([preferenceLoss(objective)]);
  });

  it('agrees with float64 on the reference pairs', async () => {
    const { inputs, pairwise } = await referenceFile();
    const rows = rowsOf(inputs.pairs).map((row) => onlyNeeded(row, objective));
    const { batch } = await compare({
      objective: id,
      hyperparameters: hyperparametersOf(id, pairwise[id].params),
      rows,
    });
    expectClose([batch.loss], [pairwise[id].batch.loss], WGSL, 'batch loss of the reference');
  });

  it('agrees with float64 on 513 random pairs', async () => {
    const generator = random(11);
    const rows = Array.from({ length: 513 }, () => randomRow(generator));
    await compare({ objective: id, hyperparameters: drawHyperparameters(objective, null), rows });
    for (let draw = 0; draw < 2; draw++) {
      await compare({ objective: id, hyperparameters: drawHyperparameters(objective, generator), rows });
    }
  });

  it('agrees with float64 on extreme pairs', async () => {
    const generator = random(13);
    const rows = extremeRows(generator);
    await compare({ objective: id, hyperparameters: drawHyperparameters(objective, null), rows });
    await compare({
      objective: id,
      hyperparameters: drawHyperparameters(objective, generator),
      rows: rows.slice(0, 1),
    });
  });
}
