import { expect } from '@esm-bundle/chai';
import type { PairRow } from '../../src/engine/engine.ts';
import { evaluateF64 } from '../../src/kernels/losses/evaluate.ts';
import { objectiveById } from '../../src/kernels/losses/index.ts';
import { pairInputs } from '../../src/kernels/losses/inputs.ts';
import { changedTokens } from '../../src/training/changed.ts';
import type { TokenizedPair } from '../../src/training/data.ts';
import { needsReference, recordLoss } from '../../src/training/families/pairwise-loss.ts';
import { pairwiseMetrics } from '../../src/training/families/pairwise-metrics.ts';
import { needsDivergence, needsOnPolicyWeight, partsOf, thirdOf } from '../../src/training/parts.ts';
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
  'tdpo1',
  'tdpo2',
  'wpo',
  'povid_stage2_code',
];

const ANSWERS = [
  [
    [5, 6, 7, 8, 9],
    [5, 9, 7, 8, 9],
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
      noisy: () => Promise.reject(new Error('not asked for')),
    }),
  );
  const references = pairs.map(({ chosenIds, rejectedIds }) => ({
    chosen: draw(chosenIds),
    rejected: draw(rejectedIds),
    corrupted: draw(chosenIds),
    noisyArgmax: draw(chosenIds),
  }));
  /** Chosen and rejected answer of each pair: KL(reference ‖ policy) per token, and log Σ p². */
  const divergences = pairs.map(({ chosenIds, rejectedIds }) =>
    [chosenIds, rejectedIds].map((ids) => draw(ids).map(Math.abs)),
  );
  const collisions = pairs.map(({ chosenIds, rejectedIds }) => [chosenIds, rejectedIds].map(draw));

  /**
   * The row of a pair from its log-probabilities, in float64; the third sequence is the corrupted or the noisy one.
   * @param held log-probabilities that WPO's weights are made of: no gradient flows there.
   */
  function row(
    index: number,
    [chosen, rejected, third]: ArrayLike<number>[],
    kl: ArrayLike<number>[],
    held: ArrayLike<number>[],
  ): PairRow {
    const { chosenIds, rejectedIds, inputs } = pairs[index];
    const reference = references[index];
    const sum = (a: ArrayLike<number>, keep: (t: number) => boolean = () => true, minus?: ArrayLike<number>) =>
      Array.from(a).reduce((total, value, t) => (keep(t) ? total + value - (minus?.[t] ?? 0) : total), 0);
    const { chosen: chosenChanged, rejected: rejectedChanged } = changedTokens(pairs[index]);
    const count = (flags: readonly boolean[]) => flags.filter(Boolean).length;
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
      corruptedChosen: sum(third),
      refCorruptedChosen: sum(reference.corrupted),
      noisyArgmax: sum(third),
      refNoisyArgmax: sum(reference.noisyArgmax),
      sequenceKlChosen: sum(kl[0]),
      sequenceKlRejected: sum(kl[1]),
      wpoWeightChosen: Math.exp(sum(held[0], undefined, collisions[index][0]) / chosenIds.length),
      wpoWeightRejected: Math.exp(sum(held[1], undefined, collisions[index][1]) / rejectedIds.length),
    };
  }

  for (const id of OBJECTIVES) {
    it(`${id}: central differences of the f64 loss`, async () => {
      const objective = objectiveById(id);
      const third = thirdOf(objective);
      const all = references.map(({ chosen, rejected, corrupted }) => [chosen, rejected, corrupted].map(nearby));
      const order = [
        ...pairs.flatMap((_, p) => [
          [p, 0],
          [p, 1],
        ]),
        ...(third ? pairs.map((_, p) => [p, 2]) : []),
      ];
      const starts = [0];
      for (const [p, side] of order) starts.push(starts.at(-1)! + all[p][side].length);
      const flatten = (values: readonly (readonly ArrayLike<number>[])[]) =>
        Float32Array.from(order.flatMap(([p, side]) => Array.from(values[p][side])));
      const flat = flatten(all);
      const withKl = needsDivergence(objective);
      const flatKl = withKl ? flatten(divergences) : undefined;

      /** Of the log-probabilities, then the divergences. */
      const lossAt = (values: Float64Array): number => {
        const cut = (from: number, sides: readonly (readonly ArrayLike<number>[])[]) => {
          const parts = sides.map((each) => each.map((side) => Array.from(side)));
          order.forEach(([p, side], s) => {
            parts[p][side] = [...values.subarray(from + starts[s], from + starts[s + 1])];
          });
          return parts;
        };
        const logps = cut(0, all);
        const kl = withKl ? cut(flat.length, divergences) : divergences;
        const rows = pairs.map((_, index) => row(index, logps[index], kl[index], all[index]));
        return evaluateF64({ objective: id, hyperparameters: {}, rows }).batch.loss;
      };
      const at = Float64Array.from([...flat, ...(flatKl ?? [])]);
      const slope = at.map((_, i) => {
        const step = (by: number) => lossAt(at.map((value, j) => (i === j ? value + by : value)));
        return (step(1e-5) - step(-1e-5)) / 2e-5;
      });
      // TDPO-2 takes no gradient through the chosen answer's divergence.
      const expected = slope.map((value, i) => {
        const sequence = starts.findLastIndex((start) => start <= i - flat.length);
        return id === 'tdpo2' && sequence >= 0 && order[sequence][1] === 0 ? 0 : value;
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
          klFromReference: flatKl && scope.upload('f32', [flatKl.length], flatKl, 'KL'),
          logCollision: needsOnPolicyWeight(objective)
            ? scope.upload('f32', [flat.length], flatten(collisions), 'log collision')
            : undefined,
          starts,
        });
        const { partials, sums, results, rows } = loss;
        const [dLogps, ...values] = (await gpu.readAll([loss.dLogps, partials, sums, results, rows])) as Float32Array[];
        const near = { atol: 2e-6, rtol: 2e-4 };
        expectClose(dLogps, expected.subarray(0, flat.length), near, 'dLogps');
        expect(loss.dKlFromReference !== undefined).to.equal(withKl);
        if (loss.dKlFromReference) {
          expectClose(await gpu.read(loss.dKlFromReference), expected.subarray(flat.length), near, 'dKlFromReference');
        }
        const parts = partsOf(objective);
        const { means, pairs: seen } = pairwiseMetrics(values, [...pairs.keys()], true, parts);
        const inputs = all.map((logps, index) => pairInputs(row(index, logps, divergences[index], logps)));
        for (const { input } of parts) {
          const [got, wanted] = [seen!.map((pair) => pair.inputs![input]), inputs.map((pair) => pair[input])];
          expectClose(got, wanted, { atol: 1e-5, rtol: 1e-5 }, input);
        }
        expect(means.loss).to.be.closeTo(lossAt(at), 1e-5 * Math.max(1, Math.abs(lossAt(at))));
      } finally {
        scope.dispose();
      }
    });
  }
});
