import { expect } from '@esm-bundle/chai';
import { evaluateCoupledF64 } from '../../src/kernels/losses/families/evaluate-coupled.ts';
import { coupledObjectives, unpairedObjectives } from '../../src/kernels/losses/families/index.ts';
import { resolveHyperparameters } from '../../src/kernels/losses/hyperparameters.ts';
import type { TokenizedPair } from '../../src/training/data.ts';
import { recordCoupled } from '../../src/training/families/coupled-loss.ts';
import { answerRuns, mismatched, segmentRuns } from '../../src/training/families/examples.ts';
import { spreadOverTokens, sumRuns, type TokenRun, wholeSequences } from '../../src/training/families/token-runs.ts';
import { recordUnpaired } from '../../src/training/families/unpaired-loss.ts';
import { random } from '../support/random.ts';
import { sharedGpu } from '../support/shared-gpu.ts';
import { expectClose } from '../support/tolerance.ts';

const PAIRS = (
  [
    [
      [5, 6, 7, 8, 9],
      [4, 7, 8, 9],
    ],
    [
      [4, 2],
      [4, 2, 5, 6, 7],
    ],
    [
      [10, 11, 12],
      [13, 12, 11, 10],
    ],
  ] as const
).map(
  ([chosenIds, rejectedIds], index): TokenizedPair => ({
    key: `${index}`,
    promptIds: [1, index],
    chosenIds,
    rejectedIds,
  }),
);
const SEQUENCES = PAIRS.flatMap(({ promptIds, chosenIds, rejectedIds }) => [
  { promptIds, responseIds: chosenIds },
  { promptIds, responseIds: rejectedIds },
]);
const STARTS = [0];
for (const { responseIds } of SEQUENCES) STARTS.push(STARTS.at(-1)! + responseIds.length);
const TOKENS = STARTS.at(-1)!;

describe('from token log-probabilities to the gradient of a family', () => {
  const source = random(23);
  const reference = Float32Array.from({ length: TOKENS }, () => -3 * source.next() - 0.1);
  const policy = reference.map((logp) => logp + 0.4 * source.normal());
  const strangers = Float32Array.from({ length: TOKENS }, () => 0.3 * source.normal());

  /** Log-ratio of each run in float64. */
  const logRatios = (runs: readonly TokenRun[], logps: ArrayLike<number>) =>
    runs.map(({ first, end }) => {
      let sum = 0;
      for (let t = first; t < end; t++) sum += logps[t] - reference[t];
      return sum;
    });

  const slopes = (loss: (logps: Float64Array) => number) => {
    const at = Float64Array.from(policy);
    return at.map((_, i) => {
      const moved = (by: number) => loss(at.map((value, j) => (i === j ? value + by : value)));
      return (moved(1e-5) - moved(-1e-5)) / 2e-5;
    });
  };

  for (const objective of unpairedObjectives) {
    it(`${objective.id}: central differences of the f64 loss`, async () => {
      const examples = objective.segments ? segmentRuns(PAIRS, STARTS) : answerRuns(STARTS);
      const labels = examples.map(({ label }) => label);
      const hyperparameters = resolveHyperparameters(objective, {});
      const gpu = await sharedGpu();
      const scope = gpu.scope('test');
      try {
        const upload = (values: Float32Array) => scope.upload('f32', [TOKENS], values, 'logps');
        const tensors = { policy: upload(policy), reference: upload(reference) };
        const { sums, mask } = sumRuns(gpu, scope, examples, tensors);
        const others = { policy: upload(strangers), reference: scope.zeros('f32', [TOKENS], 'none') };
        const mismatchedSums = sumRuns(gpu, scope, wholeSequences(STARTS), others).sums;
        const loss = await recordUnpaired(gpu, scope, { objective, hyperparameters, labels, sums, mismatchedSums });
        const dLogps = spreadOverTokens(gpu, scope, examples, { mask, dRuns: loss.dExamples, tokens: TOKENS });
        const [d, partials] = (await gpu.readAll([dLogps, loss.partials])) as Float32Array[];
        // What all examples share receives no gradient: it stays as it was.
        const { values } = loss.prepared;
        const lossAt = (logps: ArrayLike<number>) =>
          logRatios(examples, logps).reduce(
            (sum, logRatio, e) =>
              sum + objective.evaluate({ label: labels[e], logRatio, mismatchedLogRatio: 0 }, values).loss,
            0,
          ) / examples.length;
        expectClose(d, slopes(lossAt), { atol: 2e-6, rtol: 2e-4 }, 'dLogps');
        expect(partials[0]).to.be.closeTo(lossAt(policy), 1e-5);
        if (objective.needsMismatched) {
          const mean = strangers.reduce((sum, value) => sum + value, 0) / SEQUENCES.length;
          expect(values.kl).to.be.closeTo(Math.max(0, mean), 1e-5);
        }
      } finally {
        scope.dispose();
      }
    });
  }

  for (const objective of coupledObjectives) {
    it(`${objective.id}: central differences of the f64 loss`, async () => {
      const hyperparameters = resolveHyperparameters(objective, {});
      const runs = wholeSequences(STARTS);
      const gpu = await sharedGpu();
      const scope = gpu.scope('test');
      try {
        const upload = (values: Float32Array) => scope.upload('f32', [TOKENS], values, 'logps');
        const { sums, mask } = sumRuns(gpu, scope, runs, { policy: upload(policy), reference: upload(reference) });
        const loss = await recordCoupled(gpu, scope, { objective, hyperparameters, sums });
        const dLogps = spreadOverTokens(gpu, scope, runs, { mask, dRuns: loss.dAnswers, tokens: TOKENS });
        const [d, partials] = (await gpu.readAll([dLogps, loss.partials])) as Float32Array[];
        const total = (values: ArrayLike<number>, { first, end }: TokenRun) =>
          Array.from(values)
            .slice(first, end)
            .reduce((sum, value) => sum + value, 0);
        const lossAt = (logps: ArrayLike<number>) => {
          const rows = PAIRS.map((_, p) => ({
            chosen: total(logps, runs[2 * p]),
            rejected: total(logps, runs[2 * p + 1]),
            refChosen: total(reference, runs[2 * p]),
            refRejected: total(reference, runs[2 * p + 1]),
          }));
          return evaluateCoupledF64({ objective: objective.id, hyperparameters, rows }).loss;
        };
        expectClose(d, slopes(lossAt), { atol: 2e-6, rtol: 2e-4 }, 'dLogps');
        expect(partials[0]).to.be.closeTo(lossAt(policy), 1e-5);
      } finally {
        scope.dispose();
      }
    });
  }

  it('finds the segments in which two answers differ', () => {
    const text = segmentRuns(PAIRS, STARTS).map(({ pair, label, first, end }) => {
      const start = STARTS[2 * pair + (label === 1 ? 0 : 1)];
      return [pair, label, first - start, end - start];
    });
    expect(text).to.deep.equal([
      [0, 1, 0, 2],
      [0, 0, 0, 1],
      [1, 0, 2, 5],
      [2, 1, 0, 3],
      [2, 0, 0, 4],
    ]);
  });

  it('gives every prompt the answer of another', () => {
    const shown = mismatched(SEQUENCES).map(({ promptIds, responseIds }) => [promptIds[1], responseIds]);
    const [c0, r0, c1, r1, c2, r2] = SEQUENCES.map(({ responseIds }) => responseIds);
    expect(shown).to.deep.equal([
      [0, r2],
      [1, c0],
      [2, c1],
      [0, c2],
      [1, r0],
      [2, r1],
    ]);
  });
});
