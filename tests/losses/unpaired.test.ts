import { expect } from '@esm-bundle/chai';
import { InputError } from '../../src/errors.ts';
import {
  evaluateUnpairedF64,
  prepareExamples,
  type UnpairedEvaluation,
  type UnpairedRequest,
} from '../../src/kernels/losses/families/evaluate-unpaired.ts';
import { unpairedObjectives } from '../../src/kernels/losses/families/index.ts';
import type { ExampleRow, UnpairedObjective } from '../../src/kernels/losses/families/unpaired.ts';
import { evaluateUnpairedOnGpu } from '../../src/kernels/unpaired-loss/index.ts';
import { type Random, random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose, type Tolerance } from '../support/tolerance.ts';
import { F64, WGSL } from './checks.ts';
import { describeLoss, drawFor, familyReference, type Reference, slope } from './family-checks.ts';

/** The rows of the reference; FDPO's label is the class of the segment. */
const rowsOf = (inputs: Reference, id: string): ExampleRow[] =>
  inputs.logp.map((logp: number, i: number) => ({
    label: id === 'fdpo' ? inputs.segment_class[i] : inputs.label[i],
    logp,
    refLogp: inputs.ref_logp[i],
    mismatchedLogp: inputs.kl_logp[i],
    refMismatchedLogp: inputs.kl_ref_logp[i],
  }));

/** Every number an f32, so that GPU and float64 start from the same input. */
const drawRow = (generator: Random, classes = 2): ExampleRow => ({
  label: generator.int(classes),
  logRatio: Math.fround(generator.normal() * 4),
  mismatchedLogRatio: Math.fround(generator.normal() + 0.5),
});

function expectSame(actual: UnpairedEvaluation, expected: UnpairedEvaluation, tolerance: Tolerance, what: string) {
  for (const key of ['loss', 'reward', 'gradient'] as const) {
    const [a, e] = [actual, expected].map(({ examples }) => examples.map((each) => each[key]));
    expectClose(a, e, tolerance, `${what}: ${key}`);
  }
  expectClose(actual.batchGradients, expected.batchGradients, tolerance, `${what}: batch gradient`);
  for (const key of Object.keys(expected.batch) as (keyof typeof expected.batch)[]) {
    expectClose([actual.batch[key]], [expected.batch[key]], tolerance, `${what}: ${key}`);
  }
}

async function compare(request: UnpairedRequest): Promise<void> {
  const what = `${request.objective} ${JSON.stringify(request.hyperparameters)}`;
  expectSame(await evaluateUnpairedOnGpu(await sharedGpu(), request), evaluateUnpairedF64(request), WGSL, what);
}

describe('unpaired losses', () => {
  it('covers every unpaired loss of the reference', async () => {
    const { unpaired } = await familyReference();
    expect(unpairedObjectives.map((each) => each.id)).to.have.members(Object.keys(unpaired));
  });

  for (const objective of unpairedObjectives) describe(objective.id, () => describeUnpaired(objective));

  it('needs a neighbour for the KL of KTO, and says so', () => {
    const evaluate = (rows: ExampleRow[]) => () => evaluateUnpairedF64({ objective: 'kto', hyperparameters: {}, rows });
    expect(evaluate([{ label: 1, logRatio: 1, mismatchedLogRatio: 0 }])).to.throw(InputError, 'a batch of one');
    expect(evaluate([{ label: 1, logRatio: 1 }])).to.throw(InputError, 'lacks the log-ratio of a mismatched answer');
  });

  it('takes a batch of one class without dividing by the other’s count', () => {
    const rows = [1, 1].map((label) => ({ label, logRatio: 2, mismatchedLogRatio: -3 }));
    const { batch } = evaluateUnpairedF64({ objective: 'kto', hyperparameters: { beta: 0.5 }, rows });
    expect(batch['rewards/chosen']).to.equal(1);
    expect(batch['rewards/rejected']).to.equal(0);
    expect(batch.loss).to.be.closeTo(1 / (1 + Math.E), 1e-15);
  });

  it('moves the shift of BCO with what came before', () => {
    const rows = [{ label: 1, logRatio: 10 }];
    const delta = (hyperparameters: Record<string, number>) =>
      prepareExamples({ objective: 'bco_unpaired', hyperparameters, rows }).values.delta;
    expect(delta({})).to.equal(1);
    expect(delta({ seen_mean: 0.2, seen_count: 3 })).to.be.closeTo(0.4, 1e-15);
  });

  it('refuses labels and numbers that mean nothing', () => {
    const evaluate = (row: ExampleRow) => () =>
      evaluateUnpairedF64({ objective: 'apo_zero_unpaired', hyperparameters: {}, rows: [row] });
    expect(evaluate({ label: 2, logRatio: 1 })).to.throw(InputError, 'Example 1 has the label 2');
    expect(evaluate({ label: 1, logRatio: Infinity })).to.throw(InputError, 'a finite number is needed');
    expect(evaluate({ label: 1, logp: -3 })).to.throw(InputError, 'lacks the log-probability');
    expect(() =>
      evaluateUnpairedF64({ objective: 'apo_zero_unpaired', hyperparameters: { beta: 0 }, rows: [] }),
    ).to.throw(InputError, 'no judged answer');
  });
});

function describeUnpaired(objective: UnpairedObjective): void {
  const { id } = objective;
  describeLoss(objective);

  it('agrees with the reference on 12 examples and their batch', async () => {
    const { inputs, unpaired } = await familyReference();
    const expected = unpaired[id];
    const request = { objective: id, hyperparameters: expected.params, rows: rowsOf(inputs.unpaired, id) };
    const { examples, batch, batchGradients } = evaluateUnpairedF64(request);
    const column = (key: 'loss' | 'reward' | 'gradient') => examples.map((each) => each[key]);
    expectClose(column('loss'), expected.per_example.loss, F64, 'loss');
    expectClose(column('reward'), expected.per_example.reward, F64, 'reward');
    expectClose(column('gradient'), expected.per_example.grad.logp, F64, 'gradient');
    expectClose([batch.loss], [expected.batch.loss], F64, 'batch loss');
    expectClose(batchGradients, expected.batch.grad.logp, F64, 'batch gradient');
    const { values } = prepareExamples(request);
    for (const key of ['kl', 'delta'])
      if (key in expected.extras) expectClose([values[key]], [expected.extras[key]], F64);
    await compare(request);
  });

  it('agrees with the worked example of its page', async () => {
    const { unpaired_inputs, unpaired_results } = (await familyReference()).worked_example;
    const { params, loss, grad } = unpaired_results[id];
    const rows = rowsOf(unpaired_inputs, id);
    const { examples } = evaluateUnpairedF64({ objective: id, hyperparameters: params, rows });
    expectClose(
      examples.map((each) => each.loss),
      loss,
      F64,
      'loss',
    );
    expectClose(
      examples.map((each) => each.gradient),
      grad,
      F64,
      'gradient',
    );
  });

  it('has the gradient of its own loss, under its stop-gradient', () => {
    const generator = random(7);
    for (const drawn of [null, generator]) {
      const rows = Array.from({ length: 30 }, () => drawRow(generator, id === 'fdpo' ? 3 : 2));
      const request = { objective: id, hyperparameters: drawFor(objective, drawn), rows };
      const { examples, values } = prepareExamples(request);
      for (const example of examples) {
        const { logRatio } = example;
        const at = (shift: number) => objective.evaluate({ ...example, logRatio: logRatio + shift }, values).loss;
        const { gradient } = objective.evaluate(example, values);
        expectClose([gradient], [slope(at)], { atol: 1e-8, rtol: 1e-6 }, `${id}: gradient`);
        expect(() => expectClose([gradient * 1.001 + 1e-6], [slope(at)], { atol: 1e-8, rtol: 1e-6 })).to.throw();
      }
    }
  });

  it('agrees with float64 in WGSL on 513 random examples and on extremes', async () => {
    const generator = random(11);
    const rows = Array.from({ length: 513 }, () => drawRow(generator, id === 'fdpo' ? 4 : 2));
    await compare({ objective: id, hyperparameters: drawFor(objective, null), rows });
    await compare({ objective: id, hyperparameters: drawFor(objective, generator), rows });
    const extremes = [-200, -20, -1e-6, 0, 1e-6, 20, 200].flatMap((logRatio) =>
      [0, 1].map((label) => ({ label, logRatio: Math.fround(logRatio), mismatchedLogRatio: 0.5 })),
    );
    await compare({ objective: id, hyperparameters: drawFor(objective, null), rows: extremes });
  });
}
