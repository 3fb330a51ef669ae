/** Checks that every objective has to pass; they throw, so that a test can also show that a wrong objective fails. */
import type { PairRow } from '../../src/engine/engine.ts';
import { type InputName, pairInputs } from '../../src/kernels/losses/inputs.ts';
import type { HyperparameterValues, Objective } from '../../src/kernels/losses/objective.ts';
import type { Random } from '../support/random.ts';
import { expectClose, type Tolerance } from '../support/tolerance.ts';

/** float64 against the float64 of another program: rounding, and nothing else. */
export const F64: Tolerance = { atol: 1e-12, rtol: 1e-12 };

/** WGSL against float64: `exp` alone may be off by 2e-5 far from 0. */
export const WGSL: Tolerance = { atol: 1e-6, rtol: 2e-5 };

/** Compares every gradient with the central difference of the loss over the row's own field. */
export function checkGradients(objective: Objective, rows: readonly PairRow[], values: HyperparameterValues): void {
  const step = 1e-4;
  for (const row of rows) {
    const { loss, gradients } = objective.evaluate(pairInputs(row), values);
    for (const [name, gradient] of Object.entries(gradients) as [InputName, number][]) {
      const at = (shift: number) => objective.evaluate(pairInputs({ ...row, [name]: row[name]! + shift }), values).loss;
      const difference = (at(step) - at(-step)) / (2 * step);
      const tolerance = { atol: 1e-8 + 1e-11 * Math.abs(loss), rtol: 1e-6 };
      expectClose([gradient], [difference], tolerance, `${objective.id}: d loss / d ${name}`);
    }
  }
}

/** The row with the fields the objective declares, and no other. */
export function onlyNeeded(row: PairRow, { needs, optional = [] }: Objective): PairRow {
  const needed = ['chosen', 'rejected', ...needs, ...optional];
  return Object.fromEntries(Object.entries(row).filter(([name]) => needed.includes(name))) as unknown as PairRow;
}

/** Default values, or values drawn over the sliders' ranges (and accepted). */
export function drawHyperparameters(objective: Objective, random: Random | null): Record<string, number> {
  for (;;) {
    const values: Record<string, number> = {};
    for (const { key, default: fallback, min, max, step, scale } of objective.hyperparameters) {
      if (random === null) values[key] = fallback;
      else if (scale === 'log') values[key] = min * (max / min) ** random.next();
      else values[key] = min + step * Math.round(((max - min) / step) * random.next());
    }
    if (objective.hyperparameters.every((each) => each.refuse?.(values[each.key], values) === undefined)) return values;
  }
}

/** A random pair whose every number is an f32, so that GPU and reference start from the same input. */
export function randomRow(random: Random): PairRow {
  const chosenLength = 1 + random.int(60);
  const rejectedLength = 1 + random.int(60);
  const side = (length: number) => {
    const logp = -length * (0.05 + 2.5 * random.next());
    return { logp, ratio: random.normal() * Math.sqrt(length) * 0.6 };
  };
  const chosen = side(chosenLength);
  const rejected = side(rejectedLength);
  const scoreRejected = random.next() * 2;
  return rounded({
    ...logps('chosen', 'refChosen', 'chosenLogRatio', chosen.logp, chosen.ratio),
    ...logps('rejected', 'refRejected', 'rejectedLogRatio', rejected.logp, rejected.ratio),
    ...logps('corruptedChosen', 'refCorruptedChosen', 'corruptedLogRatio', chosen.logp - 3, random.normal() * 2),
    ...logps('noisyArgmax', 'refNoisyArgmax', 'noisyArgmaxLogRatio', chosen.logp, random.normal() * 2),
    chosenLength,
    rejectedLength,
    scoreChosen: scoreRejected + 0.05 + random.next() * 3,
    scoreRejected,
    winProbChosen: 0.5 + random.next() / 2,
    winProbRejected: random.next() / 2,
    extraRewardChosen1: random.normal(),
    extraRewardChosen2: random.normal(),
    extraRewardRejected1: random.normal(),
    extraRewardRejected2: random.normal(),
    wpoWeightChosen: 0.05 + random.next(),
    wpoWeightRejected: 0.05 + random.next(),
    sequenceKlChosen: random.next() * 2,
    sequenceKlRejected: random.next() * 2,
    chosenChangedLogRatio: random.normal(),
    rejectedChangedLogRatio: random.normal(),
    chosenChangedLength: random.int(chosenLength + 1),
    rejectedChangedLength: random.int(rejectedLength + 1),
    chosenTailLogRatio: chosenLength > rejectedLength ? random.normal() : 0,
    rejectedTailLogRatio: rejectedLength > chosenLength ? random.normal() : 0,
  });
}

function logps(policy: string, reference: string, ratio: string, logp: number, logRatio: number) {
  const policyLogp = Math.fround(logp);
  const difference = Math.fround(logRatio);
  return { [policy]: policyLogp, [reference]: policyLogp - difference, [ratio]: difference };
}

function rounded(row: Record<string, number>): PairRow {
  for (const [name, value] of Object.entries(row)) if (!name.startsWith('ref')) row[name] = Math.fround(value);
  return row as unknown as PairRow;
}

/** Where losses break: margins of 20 and 200 nats either way, one-token answers, a tie, policy equal to reference. */
export function extremeRows(random: Random): PairRow[] {
  const shifted = (chosenRatio: number, rejectedRatio: number): PairRow => {
    const chosen = Math.min(-300 + chosenRatio, -1);
    const rejected = Math.min(-300 + rejectedRatio, -1);
    return rounded({
      ...randomRow(random),
      ...logps('chosen', 'refChosen', 'chosenLogRatio', chosen, chosenRatio),
      ...logps('rejected', 'refRejected', 'rejectedLogRatio', rejected, rejectedRatio),
      chosenLength: 120,
      rejectedLength: 100,
    });
  };
  const one = { ...randomRow(random), chosenLength: 1, rejectedLength: 1 };
  const certain = { ...one, ...logps('chosen', 'refChosen', 'chosenLogRatio', -1e-4, 0.5) };
  const tied = randomRow(random);
  const same = randomRow(random);
  return [
    shifted(10, -10),
    shifted(-10, 10),
    shifted(100, -100),
    shifted(-100, 100),
    shifted(200, 0),
    shifted(0, 200),
    rounded(one as Record<string, number>),
    rounded(certain as Record<string, number>),
    {
      ...tied,
      rejected: tied.chosen,
      refRejected: tied.refChosen,
      rejectedLogRatio: tied.chosenLogRatio,
      rejectedLength: tied.chosenLength,
      rejectedChangedLogRatio: tied.chosenChangedLogRatio,
      rejectedChangedLength: tied.chosenChangedLength,
      chosenTailLogRatio: 0,
      rejectedTailLogRatio: 0,
    },
    {
      ...same,
      refChosen: same.chosen,
      refRejected: same.rejected,
      chosenLogRatio: 0,
      rejectedLogRatio: 0,
      corruptedLogRatio: 0,
      refCorruptedChosen: same.corruptedChosen,
      noisyArgmaxLogRatio: 0,
      refNoisyArgmax: same.noisyArgmax,
    },
  ];
}
