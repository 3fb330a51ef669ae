import { expect } from '@esm-bundle/chai';
import type { EvaluateRequest, PairRow } from '../../src/engine/engine.ts';
import { InputError } from '../../src/errors.ts';
import { evaluateCoupledOnGpu } from '../../src/kernels/coupled-loss/index.ts';
import { evaluateF64 } from '../../src/kernels/losses/evaluate.ts';
import { ascending, type CoupledObjective, ranks } from '../../src/kernels/losses/families/coupled.ts';
import { evaluateCoupledF64 } from '../../src/kernels/losses/families/evaluate-coupled.ts';
import { coupledObjectives } from '../../src/kernels/losses/families/index.ts';
import { random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';
import { F64, randomRow, WGSL } from './checks.ts';
import { describeLoss, drawFor, familyReference, type Reference, slope } from './family-checks.ts';

const rowsOf = ({ pc, pr, rc, rr }: Reference): PairRow[] =>
  pc.map((chosen: number, i: number) => ({ chosen, rejected: pr[i], refChosen: rc[i], refRejected: rr[i] }));

/** Name of a loss in the reference file. */
const entry = (id: string): string => (id === 'kto_pair' ? 'kto_pair_legacy_grad_through_kl' : id);

async function compare(request: EvaluateRequest): Promise<void> {
  const what = `${request.objective} ${JSON.stringify(request.hyperparameters)}`;
  const [actual, expected] = [await evaluateCoupledOnGpu(await sharedGpu(), request), evaluateCoupledF64(request)];
  expectClose([actual.loss], [expected.loss], WGSL, `${what}: batch loss`);
  for (const side of ['chosen', 'rejected'] as const) {
    const [a, e] = [actual, expected].map(({ pairs }) => pairs.map((pair) => pair.gradients[side]));
    expectClose(a, e, WGSL, `${what}: gradient ${side}`);
    // A batch gradient is small by its divisor: the pairs' own must agree as well.
    const times = (values: number[]) => values.map((value) => value * request.rows.length);
    expectClose(times(a), times(e), WGSL, `${what}: gradient ${side} times pairs`);
  }
  const [a, e] = [actual, expected].map(({ pairs }) => pairs.map((pair) => pair.loss));
  expectClose(a, e, WGSL, `${what}: losses`);
}

describe('batch-coupled losses', () => {
  it('covers every batch-coupled loss of the reference', async () => {
    const { batch_coupled } = await familyReference();
    expect(coupledObjectives.map((each) => entry(each.id))).to.have.members(Object.keys(batch_coupled));
  });

  for (const objective of coupledObjectives) describe(objective.id, () => describeCoupled(objective));

  it('keeps the order of equals, so that every rank occurs once', () => {
    expect(ascending([3, 1, 3, 1])).to.deep.equal([1, 3, 0, 2]);
    expect(ranks([3, 1, 3, 1])).to.deep.equal([2, 0, 3, 1]);
  });

  it('is DPO in a batch of one, sorted or not', () => {
    const rows = [{ chosen: -18, rejected: -24, refChosen: -19, refRejected: -23 }];
    const hyperparameters = { beta: 0.1 };
    const dpo = evaluateF64({ objective: 'dpo_sigmoid', hyperparameters, rows });
    for (const objective of ['aot', 'aot_unpaired']) {
      const { loss, pairs } = evaluateCoupledF64({ objective, hyperparameters, rows });
      expectClose([loss], [dpo.batch.loss], F64, objective);
      expectClose([pairs[0].gradients.chosen], [dpo.pairs[0].gradients.chosen], F64, objective);
    }
  });

  it('sorts ties on the GPU as float64 does', async () => {
    const rows = Array.from({ length: 130 }, (_, i) => ({
      chosen: -5 - (i % 3),
      rejected: -6,
      refChosen: -5.5,
      refRejected: -6 - (i % 2),
    }));
    for (const { id } of coupledObjectives) await compare({ objective: id, hyperparameters: { beta: 0.5 }, rows });
  });

  it('takes log-ratios as given, and says what a row lacks', () => {
    const given = [{ chosen: -18, rejected: -24, chosenLogRatio: 1, rejectedLogRatio: -1 }];
    const summed = [{ chosen: -18, rejected: -24, refChosen: -19, refRejected: -23 }];
    const loss = (rows: PairRow[]) => evaluateCoupledF64({ objective: 'aot', hyperparameters: {}, rows }).loss;
    expect(loss(given)).to.equal(loss(summed));
    expect(() => loss([{ chosen: -18, rejected: -24 }])).to.throw(InputError, '(refChosen)');
    expect(() => loss([])).to.throw(InputError, 'There is no pair');
  });
});

function describeCoupled(objective: CoupledObjective): void {
  const { id } = objective;
  describeLoss(objective);

  it('agrees with the reference and with the worked example', async () => {
    const { inputs, batch_coupled, worked_example } = await familyReference();
    const { params, batch } = batch_coupled[entry(id)];
    const example = worked_example.group_results[entry(id)];
    for (const [rows, loss, grad] of [
      [rowsOf(inputs.pairs), batch.loss, batch.grad],
      [rowsOf(example.inputs), example.loss, example.grad],
    ]) {
      const request = { objective: id, hyperparameters: params, rows };
      const result = evaluateCoupledF64(request);
      expectClose([result.loss], [loss], F64, 'loss');
      expectClose(
        result.pairs.map((pair) => pair.gradients.chosen),
        grad.pc,
        F64,
        'gradient chosen',
      );
      expectClose(
        result.pairs.map((pair) => pair.gradients.rejected),
        grad.pr,
        F64,
        'gradient rejected',
      );
      await compare(request);
    }
  });

  it('has the gradient of its own batch loss', () => {
    const generator = random(7);
    for (const knobs of [null, generator]) {
      const hyperparameters = drawFor(objective, knobs);
      const rows = Array.from({ length: 7 }, () => {
        const { chosen, rejected, refChosen, refRejected } = randomRow(generator);
        return { chosen, rejected, refChosen, refRejected };
      });
      const { pairs } = evaluateCoupledF64({ objective: id, hyperparameters, rows });
      rows.forEach((row, i) => {
        for (const side of ['chosen', 'rejected'] as const) {
          const at = (shift: number) => {
            const changed = rows.with(i, { ...row, [side]: row[side] + shift });
            return evaluateCoupledF64({ objective: id, hyperparameters, rows: changed }).loss;
          };
          const difference = slope(at);
          expectClose([pairs[i].gradients[side]], [difference], { atol: 1e-8, rtol: 1e-6 }, `${id}: ${side}`);
        }
      });
    }
  });

  it('agrees with float64 in WGSL on 513 random pairs and on extremes', async () => {
    const generator = random(11);
    const rows = Array.from({ length: 513 }, () => randomRow(generator));
    await compare({ objective: id, hyperparameters: drawFor(objective, null), rows });
    await compare({ objective: id, hyperparameters: drawFor(objective, generator), rows });
    const extremes = [-200, -20, 0, 20, 200].map((ratio) => ({
      chosen: -300,
      rejected: -250,
      refChosen: -300 - ratio,
      refRejected: -250 + ratio,
    }));
    await compare({ objective: id, hyperparameters: {}, rows: extremes });
    await compare({ objective: id, hyperparameters: {}, rows: extremes.slice(2, 3) });
  });
}
