/**
 * What every loss, of whichever family, makes of one preference pair, in float64: the common ground on which losses of
 * all families are drawn side by side and evaluated on the pairs of a page. A pair is, to
 *
 * - an unpaired loss, two examples: the chosen answer wanted, the rejected one unwanted (TRL: `unpair_preference_dataset`);
 * - a coupled loss, one pair of its batch, the others held fixed;
 * - a loss over sampled answers, a group of two that the reference sampled, rewarded 1 (chosen) and 0 (rejected);
 * - a reward-model loss, two scores.
 */
import type { InputName, PairInputs } from '../inputs.ts';
import type { HyperparameterValues, Objective } from '../objective.ts';
import type { CoupledPair } from './coupled.ts';
import { sequenceRows, tokenRows } from './evaluate-group.ts';
import type { EveryLoss } from './every.ts';
import type { GroupBatch, SequenceObjective, TokenObjective } from './group.ts';
import type { Example } from './unpaired.ts';

/** A loss at one pair. Gradients are with respect to the policy's summed log-probabilities (or the two scores). */
export interface PairSample {
  readonly loss: number;
  readonly chosen: number;
  readonly rejected: number;
  /** With respect to the chosen answer under the corrupted image, where the loss looks at that. */
  readonly corrupted?: number;
}

const WITH_REFERENCE: readonly InputName[] = ['chosen', 'rejected', 'refChosen', 'refRejected'];
const LENGTHS: readonly InputName[] = ['chosenLength', 'rejectedLength'];

/** Fields of a pair that the loss cannot do without when it looks at pairs. */
export function needsOfPair({ kind, loss }: EveryLoss): readonly InputName[] {
  switch (kind) {
    case 'pairwise':
      return loss.needs;
    case 'unpaired':
    case 'coupled':
      return WITH_REFERENCE;
    case 'reward-model':
      return ['scoreChosen', 'scoreRejected'];
    case 'token':
      return [...WITH_REFERENCE, ...LENGTHS];
    case 'sequence':
      return loss.ratioTo ? WITH_REFERENCE : ['chosen', 'rejected', ...LENGTHS];
  }
}

/**
 * Adds what all pairs of a batch share, under a stop-gradient. KTO's KL estimate takes log-probabilities of mismatched
 * answers, which pairs do not carry: `mismatched` (mean log-ratio, in nats) stands in for them.
 */
export function prepareOnPairs(
  { kind, loss }: EveryLoss,
  pairs: readonly PairInputs[],
  values: HyperparameterValues,
  mismatched = 0,
): HyperparameterValues {
  if (pairs.length === 0) return values;
  if (kind === 'pairwise') return loss.prepare?.(pairs, values) ?? values;
  if (kind === 'unpaired')
    return (
      loss.prepare?.(
        pairs.flatMap((pair) => examplesOf(pair, mismatched)),
        values,
      ) ?? values
    );
  if (kind === 'reward-model')
    return (
      loss.prepare?.(
        pairs.map((pair) => scorePair(pair)),
        values,
      ) ?? values
    );
  return values;
}

/**
 * @param values hyperparameters, with what `prepareOnPairs` adds
 * @param others the other pairs of the batch, which a coupled loss compares with
 */
export function samplePair(
  { kind, loss }: EveryLoss,
  pair: PairInputs,
  values: HyperparameterValues,
  others: readonly PairInputs[] = [],
): PairSample {
  switch (kind) {
    case 'pairwise':
      return samplePairwise(loss, pair, values);
    case 'unpaired': {
      const [wanted, unwanted] = examplesOf(pair, 0).map((example) => loss.evaluate(example, values));
      return {
        loss: (wanted.loss + unwanted.loss) / 2,
        chosen: wanted.gradient / 2,
        rejected: unwanted.gradient / 2,
      };
    }
    case 'coupled': {
      const batch = [pair, ...others].map(coupledPair);
      const results = loss.evaluate(batch, values);
      // The batch loss times the batch size, as far as this pair moves it: comparable with the loss of one pair.
      return {
        loss: results[0].loss,
        chosen: results[0].gradients.chosen * batch.length,
        rejected: results[0].gradients.rejected * batch.length,
      };
    }
    case 'reward-model': {
      const { loss: value, gradients } = loss.evaluate(scorePair(pair), values);
      return { loss: value, chosen: gradients.chosen, rejected: gradients.rejected };
    }
    case 'token':
      return sampleTokens(loss, pair, values);
    case 'sequence':
      return sampleSequences(loss, pair, values);
  }
}

/** The pair's loss, and the batch's likelihood term as for a batch of this pair alone. */
function samplePairwise(loss: Objective, pair: PairInputs, values: HyperparameterValues): PairSample {
  const { loss: value, gradients } = loss.evaluate(pair, values);
  const weight = loss.batchTerm?.nllWeight?.(values) ?? 0;
  const share = weight === 0 ? 0 : weight / pair.chosenLength;
  return {
    loss: value - share * (weight === 0 ? 0 : pair.chosen) + (loss.batchTerm?.constant?.(values) ?? 0),
    chosen: gradients.chosen - share,
    rejected: gradients.rejected,
    corrupted: gradients.corruptedChosen,
  };
}

const examplesOf = (pair: PairInputs, mismatchedLogRatio: number): Example[] => [
  { label: 1, logRatio: pair.chosenLogRatio, mismatchedLogRatio },
  { label: 0, logRatio: pair.rejectedLogRatio, mismatchedLogRatio },
];

const scorePair = ({ scoreChosen, scoreRejected }: PairInputs) => ({ scoreChosen, scoreRejected, margin: 1 });

const coupledPair = ({ chosen, rejected, chosenLogRatio, rejectedLogRatio }: PairInputs): CoupledPair => ({
  policyMargin: chosen - rejected,
  referenceMargin: chosen - rejected - (chosenLogRatio - rejectedLogRatio),
  chosenLogRatio,
  rejectedLogRatio,
});

/** The two answers as a group: every token of an answer has the answer's mean log-probability. */
function judgedGroup(pair: PairInputs): GroupBatch {
  const completion = (sum: number, logRatio: number, length: number, reward: number) => {
    const tokens = Math.max(1, Math.round(length || 1));
    const spread = (total: number) => new Array<number>(tokens).fill(total / tokens);
    const reference = spread(Number.isFinite(logRatio) ? sum - logRatio : sum);
    return { logps: spread(sum), oldLogps: reference, refLogps: reference, oldValues: spread(0), reward };
  };
  return {
    groupSize: 2,
    completions: [
      completion(pair.chosen, pair.chosenLogRatio, pair.chosenLength, 1),
      completion(pair.rejected, pair.rejectedLogRatio, pair.rejectedLength, 0),
    ],
  };
}

function sampleTokens(loss: TokenObjective, pair: PairInputs, values: HyperparameterValues): PairSample {
  const [chosen, rejected] = tokenRows(loss, judgedGroup(pair), values).map((rows) => {
    const results = rows.map((row) => loss.evaluate(row, values));
    return {
      loss: rows.reduce((sum, { weight }, t) => sum + weight * results[t].loss, 0),
      // The sum moves by one nat when each token moves by one over their number.
      gradient: rows.reduce((sum, { weight }, t) => sum + weight * results[t].gradient, 0) / rows.length,
    };
  });
  return { loss: chosen.loss + rejected.loss, chosen: chosen.gradient, rejected: rejected.gradient };
}

function sampleSequences(loss: SequenceObjective, pair: PairInputs, values: HyperparameterValues): PairSample {
  const batch = judgedGroup(pair);
  const rows = sequenceRows(loss, batch, values);
  const scale = loss.scale(batch);
  const [chosen, rejected] = rows.map((_, index) => loss.evaluate(rows, index, values));
  return {
    loss: scale * (chosen.loss + rejected.loss),
    chosen: scale * chosen.gradient,
    rejected: scale * rejected.gradient,
  };
}
