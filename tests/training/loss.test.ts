import { expect } from '@esm-bundle/chai';
import type { PairRow } from '../../src/engine/engine.ts';
import { evaluateF64 } from '../../src/kernels/losses/evaluate.ts';
import { objectiveById } from '../../src/kernels/losses/index.ts';
import type { TokenizedPair } from '../../src/training/data.ts';
import { needsReference, recordLoss } from '../../src/training/families/pairwise-loss.ts';
import { pairwiseMetrics } from '../../src/training/families/pairwise-metrics.ts';
import { changed, needsCorrupted } from '../../src/training/parts.ts';
import { random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

const OBJECTIVES = [
  'dpo_sigmoid',
  'simpo',
  'ipo_avg',
  'odpo',
  'rpo_dpo_plus_sft',
  'orpo',
  'ddpo_paper',
  'ddpo_code',
  'ld_dpo',
  'mdpo',
  'image_dpo',
];

const ANSWERS = [
  [
    [5, 6, 7, 8],
    [5, 9, 7],
  ],
  [[4], [4, 5, 6, 7, 8, 9]],
  [
    [10, 11, 12],
    [13, 12, 11, 10],
  ],
] as const;

describe('from token log-probabilities to a gradient per token', () => {
  const source = random(17);
  const draw = (ids: readonly number[]) => Float32Array.from(ids, () => -3 * source.next() - 0.1);
  const nearby = (values: Float32Array) => values.map((value) => value + 0.3 * source.normal());
  const pairs = ANSWERS.map(
    ([chosenIds, rejectedIds], index): TokenizedPair => ({
      key: `${index}`,
      promptIds: [1, 2],
      chosenIds,
      rejectedIds,
      inputs: { scoreChosen: 0.4 + 0.1 * index, scoreRejected: 0.1 },
      corrupted: () => Promise.reject(new Error('not asked for')),
    }),
  );
  const references = pairs.map(({ chosenIds, rejectedIds }) => ({
    chosen: draw(chosenIds),
    rejected: draw(rejectedIds),
    corrupted: draw(chosenIds),
  }));

  /** The row of a pair from its log-probabilities, in float64. */
  function row(index: number, [chosen, rejected, corrupted]: ArrayLike<number>[]): PairRow {
    const { chosenIds, rejectedIds, inputs } = pairs[index];
    const reference = references[index];
    const sum = (a: ArrayLike<number>, keep: (t: number) => boolean = () => true, minus?: ArrayLike<number>) =>
      Array.from(a).reduce((total, value, t) => (keep(t) ? total + value - (minus?.[t] ?? 0) : total), 0);
    const [chosenChanged, rejectedChanged] = [changed(chosenIds, rejectedIds), changed(rejectedIds, chosenIds)];
    const count = (flags: boolean[]) => flags.filter(Boolean).length;
    return {
      ...inputs,
      chosen: sum(chosen),
      rejected: sum(rejected),
      refChosen: sum(reference.chosen),
      refRejected: sum(reference.rejected),
      chosenLength: chosenIds.length,
      rejectedLength: rejectedIds.length,
      chosenChangedLogRatio: sum(chosen, (t) => chosenChanged[t], reference.chosen),
      rejectedChangedLogRatio: sum(rejected, (t) => rejectedChanged[t], reference.rejected),
      chosenChangedLength: count(chosenChanged),
      rejectedChangedLength: count(rejectedChanged),
      chosenTailLogRatio: sum(chosen, (t) => t >= rejectedIds.length, reference.chosen),
      rejectedTailLogRatio: sum(rejected, (t) => t >= chosenIds.length, reference.rejected),
      corruptedChosen: sum(corrupted),
      refCorruptedChosen: sum(reference.corrupted),
    };
  }

  for (const id of OBJECTIVES) {
    it(`${id}: central differences of the f64 loss`, async () => {
      const objective = objectiveById(id);
      const corrupted = needsCorrupted(objective);
      const all = references.map(({ chosen, rejected, corrupted }) => [chosen, rejected, corrupted].map(nearby));
      const order = [
        ...pairs.flatMap((_, p) => [
          [p, 0],
          [p, 1],
        ]),
        ...(corrupted ? pairs.map((_, p) => [p, 2]) : []),
      ];
      const starts = [0];
      for (const [p, side] of order) starts.push(starts.at(-1)! + all[p][side].length);
      const flat = Float32Array.from(order.flatMap(([p, side]) => [...all[p][side]]));

      const lossAt = (values: Float64Array): number => {
        const logps = all.map((sides) => sides.map((side) => Array.from(side)));
        order.forEach(([p, side], s) => {
          logps[p][side] = [...values.subarray(starts[s], starts[s + 1])];
        });
        const rows = pairs.map((_, index) => row(index, logps[index]));
        return evaluateF64({ objective: id, hyperparameters: {}, rows }).batch.loss;
      };
      const at = Float64Array.from(flat);
      const expected = at.map((_, i) => {
        const step = (by: number) => lossAt(at.map((value, j) => (i === j ? value + by : value)));
        return (step(1e-5) - step(-1e-5)) / 2e-5;
      });

      const gpu = await sharedGpu();
      const scope = gpu.scope('test');
      try {
        const loss = await recordLoss(gpu, scope, {
          objective,
          hyperparameters: {},
          pairs,
          references: needsReference(objective) ? references : undefined,
          logps: scope.upload('f32', [flat.length], flat, 'logps'),
          starts,
        });
        const { partials, sums, results } = loss;
        const [dLogps, ...values] = (await gpu.readAll([loss.dLogps, partials, sums, results])) as Float32Array[];
        expectClose(dLogps, expected, { atol: 2e-6, rtol: 2e-4 }, 'dLogps');
        const { means } = pairwiseMetrics(values, [...pairs.keys()], true);
        expect(means.loss).to.be.closeTo(lossAt(at), 1e-5 * Math.max(1, Math.abs(lossAt(at))));
      } finally {
        scope.dispose();
      }
    });
  }

  it('finds the tokens that were changed', () => {
    const flags = (text: string, other: string) => {
      const ids = (letters: string) => [...letters].map((letter) => letter.charCodeAt(0));
      return changed(ids(text), ids(other))
        .map((flag) => (flag ? '1' : '0'))
        .join('');
    };
    expect(flags('abcd', 'abcd')).to.equal('0000');
    expect(flags('abxd', 'abcd')).to.equal('0010');
    expect(flags('abcd', 'cd')).to.equal('1100');
    expect(flags('xyz', 'abc')).to.equal('111');
  });
});
