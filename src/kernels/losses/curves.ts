/** The margin axes that objectives share, for the plot of loss and gradient against the margin. */
import { type PairInputs, pairInputs } from './inputs.ts';
import type { Curve } from './objective.ts';

/** The pair the curves are drawn through where no other is given: 10 chosen and 12 rejected tokens, a margin of 2 nats. */
export const CURVE_PAIR: PairInputs = pairInputs({
  chosen: -18,
  rejected: -24,
  refChosen: -19,
  refRejected: -23,
  chosenLength: 10,
  rejectedLength: 12,
  corruptedChosen: -26,
  refCorruptedChosen: -25.5,
  noisyArgmax: -16,
  refNoisyArgmax: -16.5,
  scoreChosen: 3,
  scoreRejected: 1,
  winProbChosen: 0.8,
  winProbRejected: 0.2,
  extraRewardChosen1: 0.4,
  extraRewardChosen2: -0.2,
  extraRewardRejected1: 0.1,
  extraRewardRejected2: 0.3,
  wpoWeightChosen: 0.6,
  wpoWeightRejected: 0.5,
  sequenceKlChosen: 1.2,
  sequenceKlRejected: 2,
  chosenChangedLogRatio: 0.3,
  rejectedChangedLogRatio: -0.25,
  chosenChangedLength: 3,
  rejectedChangedLength: 3,
  chosenTailLogRatio: 0,
  rejectedTailLogRatio: -1 / 6,
});

/** D = h_w - h_l, the DPO margin before beta: log-ratios move apart evenly. */
export const logRatioCurve = (exact = true): Curve<never> => ({
  axis: 'D = h_w - h_l',
  margin: (pair) => pair.chosenLogRatio - pair.rejectedLogRatio,
  rowAt: (margin, _, like = CURVE_PAIR) => ({ ...like, chosenLogRatio: margin / 2, rejectedLogRatio: -margin / 2 }),
  exact,
});

/** Difference of length-normalised log-ratios. */
export const meanLogRatioCurve: Curve<never> = {
  axis: 'h_w/|y_w| - h_l/|y_l|',
  margin: (pair) => pair.chosenLogRatio / pair.chosenLength - pair.rejectedLogRatio / pair.rejectedLength,
  rowAt: (margin, _, like = CURVE_PAIR) => ({
    ...like,
    chosenLogRatio: (margin / 2) * like.chosenLength,
    rejectedLogRatio: (-margin / 2) * like.rejectedLength,
  }),
  exact: true,
};

/** Difference of the policy's summed log-probabilities; the rejected side stays where it is. */
export const logpCurve = (exact = true): Curve<never> => ({
  axis: '\\log\\pi_\\theta(y_w) - \\log\\pi_\\theta(y_l)',
  margin: (pair) => pair.chosen - pair.rejected,
  rowAt: (margin, _, like = CURVE_PAIR) => ({ ...like, chosen: like.rejected + margin }),
  exact,
});

/** Difference of mean token log-probabilities, around the midpoint of the pair and never above probability 1. */
export const meanLogpCurve = (exact = true): Curve<never> => ({
  axis: 'a_w - a_l,\\quad a = \\tfrac{1}{|y|}\\log\\pi_\\theta(y)',
  margin: (pair) => pair.chosen / pair.chosenLength - pair.rejected / pair.rejectedLength,
  rowAt: (margin, _, like = CURVE_PAIR) => {
    const middle = (like.chosen / like.chosenLength + like.rejected / like.rejectedLength) / 2;
    const top = Math.min(middle + Math.abs(margin) / 2, -1e-3);
    const [chosen, rejected] = margin >= 0 ? [top, top - margin] : [top + margin, top];
    return { ...like, chosen: chosen * like.chosenLength, rejected: rejected * like.rejectedLength };
  },
  exact,
});

/** h_w - h_i, the chosen text under the true against the corrupted image. */
export const imageCurve: Curve<never> = {
  axis: 'h_w - h_i',
  margin: (pair) => pair.chosenLogRatio - pair.corruptedLogRatio,
  rowAt: (margin, _, like = CURVE_PAIR) => ({ ...like, chosenLogRatio: margin / 2, corruptedLogRatio: -margin / 2 }),
  exact: true,
};
