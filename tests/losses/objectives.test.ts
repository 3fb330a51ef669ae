import { expect } from '@esm-bundle/chai';
import katex from 'katex';
import type { PairRow } from '../../src/engine/engine.ts';
import { InputError } from '../../src/errors.ts';
import { drawKept } from '../../src/kernels/losses/beta_dpo_batch/kept.ts';
import { CURVE_PAIR } from '../../src/kernels/losses/curves.ts';
import { batchGradientsF64, evaluateF64, prepareBatch } from '../../src/kernels/losses/evaluate.ts';
import { objectiveById, objectives } from '../../src/kernels/losses/index.ts';
import { pairInputs } from '../../src/kernels/losses/inputs.ts';
import { fullFormula, type Objective } from '../../src/kernels/losses/objective.ts';
import { random } from '../support/random.ts';
import { expectClose } from '../support/tolerance.ts';
import { checkGradients, drawHyperparameters, F64, onlyNeeded, randomRow } from './checks.ts';
import { gradientsOf, hyperparametersOf, type ReferenceFile, referenceFile, rowsOf } from './reference.ts';

/** Rows as the tests of gradients need them: the log-ratios follow from the log-probabilities. */
const withoutRatios = (row: PairRow): PairRow => {
  const { chosenLogRatio: _w, rejectedLogRatio: _l, corruptedLogRatio: _i, noisyArgmaxLogRatio: _n, ...rest } = row;
  return rest as unknown as PairRow;
};

describe('objectives', () => {
  let file: ReferenceFile;
  before(async () => {
    file = await referenceFile();
  });

  it('covers every pairwise objective of the reference, each once', () => {
    expect(objectives.map((each) => each.id)).to.have.members(Object.keys(file.pairwise));
  });

  for (const objective of objectives) {
    describe(objective.id, () => describeObjective(objective, () => file));
  }

  it('explains an unknown objective', () => {
    expect(() => objectiveById('dpo')).to.throw(InputError, 'There is no objective "dpo". Known: dpo_sigmoid');
  });

  it('accepts the names that papers and TRL give a knob', () => {
    const rows = rowsOf(file.worked_example.inputs);
    const loss = (objective: string, hyperparameters: Record<string, number>) =>
      evaluateF64({ objective, hyperparameters, rows }).batch.loss;
    expect(loss('simpo', { beta: 4, gamma_beta_ratio: 0.25 })).to.equal(loss('simpo', { beta: 4, gamma: 1 }));
    expect(loss('simpo', { simpo_gamma: 0.7 })).to.equal(loss('simpo', { gamma: 0.7 }));
    expect(loss('orpo', { beta: 0.3 })).to.equal(loss('orpo', { lam: 0.3 }));
    expect(loss('simpo', { gamma: 0.5, gamma_beta_ratio: 9 })).to.equal(loss('simpo', { gamma: 0.5 }));
  });

  it('takes log-ratios as given before it subtracts log-probabilities', () => {
    const row = { chosen: -18, rejected: -24, chosenLogRatio: 0.5, rejectedLogRatio: -0.5 };
    const settings = { objective: 'dpo_sigmoid', hyperparameters: { beta: 0.1 } };
    const given = evaluateF64({ ...settings, rows: [row] });
    const contradicted = { ...row, refChosen: -1, refRejected: -1 };
    const both = evaluateF64({ ...settings, rows: [contradicted] });
    expect(given.pairs[0].margin).to.be.closeTo(0.1, 1e-15);
    expect(both).to.deep.equal(given);
  });

  it('refuses numbers that are not finite, and answers without a scored token', () => {
    const row = rowsOf(file.worked_example.inputs)[0];
    const evaluate = (rows: PairRow[]) => () => evaluateF64({ objective: 'simpo', hyperparameters: {}, rows });
    expect(evaluate([row, { ...row, chosen: -Infinity }])).to.throw(InputError, 'Pair 2 has -Infinity as chosen');
    expect(evaluate([{ ...row, rejectedLength: 0 }])).to.throw(
      InputError,
      'without scored tokens (rejectedLength is 0)',
    );
  });

  it('refuses pairs whose scores contradict the label where the offset has no logarithm', () => {
    const row = { ...rowsOf(file.worked_example.inputs)[0], scoreChosen: 1, scoreRejected: 1 };
    expect(() => evaluateF64({ objective: 'odpo', hyperparameters: {}, rows: [row] })).to.throw(
      InputError,
      'Pair 1: the chosen answer scores 1 and the rejected one 1',
    );
  });

  it('draws the kept pairs of beta-DPO repeatably, the typical ones first', () => {
    const margins = [...Array.from({ length: 19 }, (_, i) => i / 19), 1000];
    expect(drawKept(margins, 3)).to.deep.equal(drawKept(margins, 3));
    const draws = Array.from({ length: 50 }, (_, seed) => drawKept(margins, seed));
    for (const kept of draws) expect(kept.filter(Boolean)).to.have.length(16);
    expect(draws.filter((kept) => kept[19]).length).to.be.below(5);
    expect(new Set(draws.map(String)).size).to.be.above(20);
    expect(drawKept([5], 0)).to.deep.equal([true]);
  });

  it('explains an empty batch', () => {
    expect(() => evaluateF64({ objective: 'dpo_sigmoid', hyperparameters: {}, rows: [] })).to.throw(
      InputError,
      'There is no pair to evaluate yet',
    );
  });
});

function describeObjective(objective: Objective, file: () => ReferenceFile): void {
  const { id, needs } = objective;

  it('agrees with the reference on 12 pairs and their batch', () => {
    const { inputs, pairwise } = file();
    const expected = pairwise[id];
    const rows = rowsOf(inputs.pairs).map((row) => onlyNeeded(row, objective));
    const request = { objective: id, hyperparameters: hyperparametersOf(id, expected.params), rows };
    const { pairs, batch } = evaluateF64(request);
    const column = (value: (pair: (typeof pairs)[number]) => number) => pairs.map(value);
    expectClose(
      column((pair) => pair.loss),
      expected.per_pair.loss,
      F64,
      'loss',
    );
    expectClose(
      column((pair) => pair.rewards.chosen),
      expected.per_pair.reward_chosen,
      F64,
      'rewards.chosen',
    );
    expectClose(
      column((pair) => pair.rewards.rejected),
      expected.per_pair.reward_rejected,
      F64,
      'rewards.rejected',
    );
    expectClose(
      column((pair) => pair.margin),
      expected.per_pair.margin,
      F64,
      'margin',
    );
    for (const [name, values] of Object.entries(expected.per_pair.grad)) {
      const actual = pairs.flatMap((pair, i) => gradientsOf(name, pair.gradients, inputs.pairs, i));
      expectClose(actual, (values as number[]).flat(), F64, `gradient ${name}`);
    }
    expectClose([batch.loss], [expected.batch.loss], F64, 'batch loss');
    expectClose([batch['rewards/accuracies']], [expected.batch.reward_accuracy], F64, 'rewards/accuracies');
    const gradients = batchGradientsF64(request);
    if (expected.batch.grad.pc) {
      expectClose(
        gradients.map((each) => each.chosen),
        expected.batch.grad.pc as number[],
        F64,
        'batch gradient chosen',
      );
    }
    if (expected.batch.grad.pr) {
      expectClose(
        gradients.map((each) => each.rejected),
        expected.batch.grad.pr as number[],
        F64,
        'batch gradient rejected',
      );
    }
  });

  it('agrees with the worked example of its page', () => {
    const { inputs, results } = file().worked_example;
    const expected = results[id];
    const hyperparameters = hyperparametersOf(id, expected.params);
    const { pairs, batch } = evaluateF64({ objective: id, hyperparameters, rows: rowsOf(inputs) });
    const [{ loss, rewards, margin, gradients }] = pairs;
    const actual = [loss, batch.loss, rewards.chosen, rewards.rejected, margin];
    const { batch_loss, reward_chosen, reward_rejected } = expected;
    expectClose(actual, [expected.loss, batch_loss, reward_chosen, reward_rejected, expected.margin], F64, 'values');
    for (const [name, value] of Object.entries(expected.grad)) {
      expectClose(gradientsOf(name, gradients, inputs, 0), [value].flat(), F64, `gradient ${name}`);
    }
  });

  it('has the gradient of its own loss', () => {
    const generator = random(7);
    const rows = rowsOf(file().inputs.pairs);
    const drawn = Array.from({ length: 20 }, () => withoutRatios(randomRow(generator)));
    for (const values of [drawHyperparameters(objective, null), drawHyperparameters(objective, generator)]) {
      const request = { objective: id, hyperparameters: values, rows: [...rows, ...drawn] };
      checkGradients(objective, request.rows, prepareBatch(request).values);
    }
  });

  it('would be caught with a wrong gradient', () => {
    const rows = rowsOf(file().inputs.pairs);
    const { values } = prepareBatch({ objective: id, hyperparameters: {}, rows });
    const [first] = rows.map((row) => objective.evaluate(pairInputs(row), values).gradients);
    for (const name of Object.keys(first) as (keyof typeof first)[]) {
      const wrong: Objective = {
        ...objective,
        evaluate(pair, h) {
          const value = objective.evaluate(pair, h);
          return { ...value, gradients: { ...value.gradients, [name]: value.gradients[name]! * 1.001 + 1e-6 } };
        },
      };
      expect(() => checkGradients(wrong, rows, values), name).to.throw(`d loss / d ${name}`);
    }
  });

  it('hands its WGSL the members it declares, in their order', () => {
    const members = objective.wgsl.code.match(/struct Hyperparameters \{([^}]*)\}/)?.[1].match(/\w+(?=: f32)/g);
    const declared = [...objective.hyperparameters.map(({ key }) => key), ...(objective.prepared ?? [])];
    expect(members).to.deep.equal(declared);
    expect(objective.extras ?? []).to.have.length.at.most(4);
  });

  it('has a formula that KaTeX draws', () => {
    for (const tex of [fullFormula(objective), objective.curve?.axis ?? 'D']) {
      expect(katex.renderToString(tex, { throwOnError: true, strict: 'error' }), tex).to.include('katex');
    }
  });

  it('says which input a row lacks', () => {
    const row = rowsOf(file().worked_example.inputs)[0];
    for (const name of needs) {
      const { [name]: _, ...rest } = row;
      const rows = [row, rest as unknown as PairRow];
      expect(() => evaluateF64({ objective: id, hyperparameters: {}, rows }), name)
        .to.throw(InputError, `(${name})`)
        .with.property('subject', name);
    }
  });

  it('refuses hyperparameters it cannot use', () => {
    const rows = rowsOf(file().worked_example.inputs);
    const evaluate = (hyperparameters: Record<string, number>) => () =>
      evaluateF64({ objective: id, hyperparameters, rows });
    expect(evaluate({ nonsense: 1 })).to.throw(InputError, 'has no hyperparameter "nonsense"');
    for (const each of objective.hyperparameters) {
      expect(evaluate({ [each.key]: Number.NaN }), each.key).to.throw(InputError, 'a finite number is needed');
      expect(each.min, each.key).to.be.at.most(each.default);
      expect(each.max, each.key).to.be.at.least(each.default);
      expect(evaluate({ [each.key]: each.default }), each.key).not.to.throw();
      if (each.refuse) expect(evaluate({ [each.key]: -1e9 }), each.key).to.throw(InputError, `(${each.key})`);
    }
  });

  it('is drawn where its pairs stand', () => {
    const { curve } = objective;
    if (!curve) return;
    const { values } = prepareBatch({ objective: id, hyperparameters: {}, rows: rowsOf(file().worked_example.inputs) });
    for (const margin of [-3, -0.5, 0, 0.25, 4]) {
      const row = curve.rowAt(margin, values);
      expectClose([curve.margin(row, values)], [margin], F64, 'margin of the row at a margin');
      expect(objective.evaluate(row, values).loss).to.be.a('number').and.satisfy(Number.isFinite);
    }
    if (!curve.exact) return;
    // Every pair's loss is the curve's at its margin, through a pair of other lengths and log-probabilities.
    for (const row of rowsOf(file().inputs.pairs).map(pairInputs)) {
      const drawn = curve.rowAt(curve.margin(row, values), values, CURVE_PAIR);
      const there = objective.evaluate(drawn, values).loss;
      expectClose([there], [objective.evaluate(row, values).loss], { atol: 1e-9, rtol: 1e-9 }, 'loss on the curve');
    }
  });

  it('has a page that explains every knob', async () => {
    const page = await (await fetch(`/src/kernels/losses/${id}/loss.md?raw`)).text();
    for (const { symbol, key } of objective.hyperparameters) {
      expect(page, key).to.include(symbol);
      expect(page, key).to.include(`\`${key}\``);
    }
    if (objective.paper.arxiv) expect(page).to.include(`arxiv.org/abs/${objective.paper.arxiv}`);
    for (const heading of ['# ', '## The loss', '## The knobs', '## When it fails', '## Paper']) {
      expect(
        page.split('\n').some((line) => line.startsWith(heading)),
        heading,
      ).to.equal(true);
    }
  });
}
