/** A loss as something to walk over: its value and slope wherever the policy may put the two answers of a pair. */
import { CURVE_PAIR } from '../../kernels/losses/curves.ts';
import type { EveryLoss } from '../../kernels/losses/families/every.ts';
import { needsOfPair, type PairSample, prepareOnPairs, samplePair } from '../../kernels/losses/families/on-pairs.ts';
import { INPUTS, type InputName, type PairInputs } from '../../kernels/losses/inputs.ts';
import type { HyperparameterValues } from '../../kernels/losses/objective.ts';
import { hasReference, type Plane, planeOf } from './plane.ts';

export interface Landscape {
  readonly every: EveryLoss;
  readonly plane: Plane;
  /** Hyperparameters, with what the pairs of the batch share. */
  readonly values: HyperparameterValues;
  /** Whether the two numbers of the plane fix the loss, so that every dot stands on the map at its own loss. */
  readonly exact: boolean;
  /** The loss at a pair; null where no policy can be (a probability above 1) or the loss has no finite value. */
  at(pair: PairInputs): PairSample | null;
  /** Its derivatives by the two axes of the plane. */
  gradient(sample: PairSample, like: PairInputs): readonly [number, number];
}

/** Log-probability 0, whatever rounding made of it. */
const CERTAIN = 1e-9;

/** More pairs than this do not take part in a coupled loss that is drawn: a map asks for thousands of batches. */
const COUPLED_PAIRS = 24;

const NAMES = Object.keys(CURVE_PAIR) as (keyof PairInputs)[];

/** A pair without gaps: what it does not know is taken from the example pair. */
export function completed(pair: PairInputs): PairInputs {
  // A copy of one shape, written over: thousands of pairs are completed at every move of a slider.
  const complete: { -readonly [name in keyof PairInputs]: number } = { ...CURVE_PAIR };
  for (const name of NAMES) if (Number.isFinite(pair[name])) complete[name] = pair[name];
  return complete;
}

const SPANNED: Readonly<Record<Plane['id'], readonly InputName[]>> = {
  'log-ratios': ['chosen', 'rejected', 'refChosen', 'refRejected'],
  'mean log-ratios': ['chosen', 'rejected', 'refChosen', 'refRejected', 'chosenLength', 'rejectedLength'],
  logps: ['chosen', 'rejected'],
  'mean logps': ['chosen', 'rejected', 'chosenLength', 'rejectedLength'],
  image: ['chosen', 'refChosen', 'corruptedChosen', 'refCorruptedChosen'],
  scores: ['scoreChosen', 'scoreRejected'],
};

/** What a loss needs of a pair beyond the two numbers of its plane, in words. */
export function furtherInputs(every: EveryLoss): string[] {
  const spanned = SPANNED[planeOf(every).id];
  return needsOfPair(every)
    .filter((name) => !spanned.includes(name))
    .map((name) => INPUTS[name]);
}

/**
 * @param pairs the batch, completed, for losses whose pairs share a statistic or act on one another; the pair that is moved first
 * @param mismatched KTO's mean log-ratio of mismatched answers, in nats
 */
export function landscapeOf(
  every: EveryLoss,
  hyperparameters: HyperparameterValues,
  pairs: readonly PairInputs[] = [],
  mismatched = 0,
): Landscape {
  const plane = planeOf(every);
  const values = prepareOnPairs(every, pairs.length > 0 ? pairs : [CURVE_PAIR], hyperparameters, mismatched);
  const others = every.kind === 'coupled' ? pairs.slice(1, COUPLED_PAIRS) : [];
  const referenceFree = !hasReference(every);
  const likelihood = every.kind === 'pairwise' ? (every.loss.batchTerm?.nllWeight?.(values) ?? 0) : 0;
  return {
    every,
    plane,
    values,
    exact: furtherInputs(every).length === 0 && likelihood === 0 && others.length === 0,
    at(pair) {
      if (referenceFree && !(pair.chosen <= CERTAIN && pair.rejected <= CERTAIN)) return null;
      const sample = samplePair(every, pair, values, others);
      return Number.isFinite(sample.loss) ? sample : null;
    },
    gradient(sample, like) {
      const [x, y] = plane.scale(like);
      return [sample.chosen * x, (plane.id === 'image' ? (sample.corrupted ?? 0) : sample.rejected) * y];
    },
  };
}
