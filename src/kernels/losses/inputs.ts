/**
 * The numbers an objective may ask of a pair: what they are called, what they mean, and how a `PairRow` with its
 * optional fields becomes the complete `PairInputs` that the losses compute with.
 */
import type { PairRow } from '../../engine/engine.ts';
import { InputError } from '../../errors.ts';

/** Every field of `PairRow` an objective can need, with the words the page uses for it. */
export const INPUTS = {
  chosen: 'the policy’s summed log-probability of the chosen answer',
  rejected: 'the policy’s summed log-probability of the rejected answer',
  refChosen: 'the reference’s summed log-probability of the chosen answer',
  refRejected: 'the reference’s summed log-probability of the rejected answer',
  chosenLength: 'the number of scored tokens in the chosen answer',
  rejectedLength: 'the number of scored tokens in the rejected answer',
  corruptedChosen: 'the policy’s log-probability of the chosen answer given the corrupted image',
  refCorruptedChosen: 'the reference’s log-probability of the chosen answer given the corrupted image',
  noisyArgmax: 'the policy’s log-probability of the noisy image’s argmax tokens, given the clean image',
  refNoisyArgmax: 'the reference’s log-probability of the noisy image’s argmax tokens, given the clean image',
  scoreChosen: 'the score of the chosen answer',
  scoreRejected: 'the score of the rejected answer',
  winProbChosen: 'the probability that the chosen answer beats the pool',
  winProbRejected: 'the probability that the rejected answer beats the pool',
  extraRewardChosen1: 'the first further reward of the chosen answer',
  extraRewardChosen2: 'the second further reward of the chosen answer',
  extraRewardRejected1: 'the first further reward of the rejected answer',
  extraRewardRejected2: 'the second further reward of the rejected answer',
  wpoWeightChosen: 'the on-policy weight of the chosen answer',
  wpoWeightRejected: 'the on-policy weight of the rejected answer',
  sequenceKlChosen: 'the sequence KL (reference to policy) along the chosen answer',
  sequenceKlRejected: 'the sequence KL (reference to policy) along the rejected answer',
  chosenChangedLogRatio: 'the log-ratio summed over the corrected tokens of the chosen answer',
  rejectedChangedLogRatio: 'the log-ratio summed over the corrected tokens of the rejected answer',
  chosenChangedLength: 'the number of corrected tokens in the chosen answer',
  rejectedChangedLength: 'the number of corrected tokens in the rejected answer',
  chosenTailLogRatio: 'the log-ratio summed over the chosen tokens beyond the shorter answer’s length',
  rejectedTailLogRatio: 'the log-ratio summed over the rejected tokens beyond the shorter answer’s length',
  kept: 'whether the pair counts in the batch statistic (1 or 0)',
} as const;

export type InputName = keyof typeof INPUTS;

/** Differences the losses start from, and the row fields each comes from: taken in float64, before any rounding to f32. */
const DIFFERENCES = {
  chosenLogRatio: ['chosen', 'refChosen'],
  rejectedLogRatio: ['rejected', 'refRejected'],
  corruptedLogRatio: ['corruptedChosen', 'refCorruptedChosen'],
  noisyArgmaxLogRatio: ['noisyArgmax', 'refNoisyArgmax'],
  scoreMargin: ['scoreChosen', 'scoreRejected'],
} as const satisfies Record<string, readonly [InputName, InputName]>;

type DifferenceName = keyof typeof DIFFERENCES;

/**
 * A pair as the losses see it, in nats and tokens. Log-ratios are always the per-token-difference reductions where
 * the row has them. Fields the row lacks are NaN; an objective reads only what it declares in `needs`.
 */
export type PairInputs = { readonly [name in InputName | DifferenceName]: number };

const INPUT_NAMES = Object.keys(INPUTS) as InputName[];
const DIFFERENCE_NAMES = Object.keys(DIFFERENCES) as DifferenceName[];

/** Every name that a row may have. */
export const ROW_FIELDS: readonly string[] = [...INPUT_NAMES, ...DIFFERENCE_NAMES];

const LENGTHS: ReadonlySet<string> = new Set(['chosenLength', 'rejectedLength']);

/** Completes a row: log-ratios as given, else differences in float64; NaN for what is absent. */
export function pairInputs(row: PairRow): PairInputs {
  const inputs: Partial<Record<InputName | DifferenceName, number>> = {};
  for (const name of INPUT_NAMES) inputs[name] = row[name] ?? Number.NaN;
  for (const name of DIFFERENCE_NAMES) {
    const [from, subtract] = DIFFERENCES[name];
    inputs[name] = row[name] ?? inputs[from]! - inputs[subtract]!;
  }
  return inputs as PairInputs;
}

/** Names among `needs` that this row does not give. A log-ratio stands in for its reference log-probability. */
export function missingInputs(row: PairRow, needs: readonly InputName[]): InputName[] {
  return needs.filter((name) => {
    if (row[name] !== undefined) return false;
    const difference = DIFFERENCE_NAMES.find((each) => DIFFERENCES[each][1] === name);
    return difference === undefined || row[difference] === undefined;
  });
}

/**
 * Throws `InputError` with a sentence where a row cannot be used: a field is missing, a number is not finite
 * (a masked token's log-probability is floored upstream, never -Infinity), or an answer has no scored token.
 */
export function checkRow(row: PairRow, index: number, needs: readonly InputName[]): void {
  const pair = `Pair ${index + 1}`;
  const missing = missingInputs(row, needs);
  if (missing.length > 0) {
    const list = missing.map((name) => `${INPUTS[name]} (${name})`).join(', and ');
    throw new InputError(`${pair} lacks ${list}.`, missing[0]);
  }
  for (const [name, value] of Object.entries(row)) {
    if (value !== undefined && !Number.isFinite(value)) {
      throw new InputError(`${pair} has ${value} as ${name}: a finite number is needed.`, name);
    }
    if (LENGTHS.has(name) && needs.includes(name as InputName) && value! < 1) {
      throw new InputError(`${pair} has an answer without scored tokens (${name} is ${value}).`, name);
    }
  }
}
