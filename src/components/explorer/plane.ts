/** The two numbers a map spans: one for each answer of a pair, in the units that the loss itself looks at. */
import { meanLogpCurve, meanLogRatioCurve } from '../../kernels/losses/curves.ts';
import type { EveryLoss } from '../../kernels/losses/families/every.ts';
import { needsOfPair } from '../../kernels/losses/families/on-pairs.ts';
import type { PairInputs } from '../../kernels/losses/inputs.ts';

export interface Axis {
  /** As KaTeX. */
  readonly tex: string;
  /** In words, with the unit. */
  readonly words: string;
}

export interface Plane {
  readonly id: 'log-ratios' | 'mean log-ratios' | 'logps' | 'mean logps' | 'image' | 'scores';
  readonly x: Axis;
  readonly y: Axis;
  /** Where a pair stands. NaN where it has no such numbers. */
  of(pair: PairInputs): readonly [x: number, y: number];
  /** The pair `like`, its policy moved to this place: log-probabilities and log-ratios move together. */
  at(x: number, y: number, like: PairInputs): PairInputs;
  /** Nats of the answers' sums per unit of the axes: turns gradients on sums into gradients in the plane. */
  scale(like: PairInputs): readonly [x: number, y: number];
}

/** A pair whose policy gives the answers these log-ratios; the reference stays. */
export function withLogRatios(like: PairInputs, chosenLogRatio: number, rejectedLogRatio: number): PairInputs {
  return {
    ...like,
    chosen: like.chosen - like.chosenLogRatio + chosenLogRatio,
    rejected: like.rejected - like.rejectedLogRatio + rejectedLogRatio,
    chosenLogRatio,
    rejectedLogRatio,
  };
}

const one = (): readonly [number, number] => [1, 1];
const lengths = ({ chosenLength, rejectedLength }: PairInputs): readonly [number, number] => [
  chosenLength,
  rejectedLength,
];

const logRatios: Plane = {
  id: 'log-ratios',
  x: {
    tex: 'h_w = \\log\\tfrac{\\pi_\\theta(y_w)}{\\pi_\\mathrm{ref}(y_w)}',
    words: 'log-ratio of the chosen answer, nats',
  },
  y: { tex: 'h_l', words: 'log-ratio of the rejected answer, nats' },
  of: (pair) => [pair.chosenLogRatio, pair.rejectedLogRatio],
  at: (x, y, like) => withLogRatios(like, x, y),
  scale: one,
};

const meanLogRatios: Plane = {
  id: 'mean log-ratios',
  x: { tex: 'h_w/|y_w|', words: 'log-ratio per token of the chosen answer, nats' },
  y: { tex: 'h_l/|y_l|', words: 'log-ratio per token of the rejected answer, nats' },
  of: (pair) => [pair.chosenLogRatio / pair.chosenLength, pair.rejectedLogRatio / pair.rejectedLength],
  at: (x, y, like) => withLogRatios(like, x * like.chosenLength, y * like.rejectedLength),
  scale: lengths,
};

const logps: Plane = {
  id: 'logps',
  x: { tex: '\\log\\pi_\\theta(y_w)', words: 'summed log-probability of the chosen answer, nats' },
  y: { tex: '\\log\\pi_\\theta(y_l)', words: 'summed log-probability of the rejected answer, nats' },
  of: (pair) => [pair.chosen, pair.rejected],
  at: (x, y, like) =>
    withLogRatios(like, like.chosenLogRatio + (x - like.chosen), like.rejectedLogRatio + (y - like.rejected)),
  scale: one,
};

const meanLogps: Plane = {
  id: 'mean logps',
  x: { tex: 'a_w = \\tfrac{1}{|y_w|}\\log\\pi_\\theta(y_w)', words: 'mean log-probability of the chosen tokens, nats' },
  y: { tex: 'a_l', words: 'mean log-probability of the rejected tokens, nats' },
  of: (pair) => [pair.chosen / pair.chosenLength, pair.rejected / pair.rejectedLength],
  at: (x, y, like) => logps.at(x * like.chosenLength, y * like.rejectedLength, like),
  scale: lengths,
};

const image: Plane = {
  id: 'image',
  x: { tex: 'h_w', words: 'log-ratio of the chosen answer, true image, nats' },
  y: { tex: 'h_i', words: 'log-ratio of the chosen answer, corrupted image, nats' },
  of: (pair) => [pair.chosenLogRatio, pair.corruptedLogRatio],
  at: (x, y, like) => ({
    ...withLogRatios(like, x, like.rejectedLogRatio),
    corruptedChosen: like.corruptedChosen - like.corruptedLogRatio + y,
    corruptedLogRatio: y,
  }),
  scale: one,
};

const scores: Plane = {
  id: 'scores',
  x: { tex: 'r_w', words: 'score of the chosen answer' },
  y: { tex: 'r_l', words: 'score of the rejected answer' },
  of: (pair) => [pair.scoreChosen, pair.scoreRejected],
  at: (x, y, like) => ({ ...like, scoreChosen: x, scoreRejected: y, scoreMargin: x - y }),
  scale: one,
};

const axisOf = ({ kind, loss }: EveryLoss): string | undefined => (kind === 'pairwise' ? loss.curve?.axis : undefined);

/** The plane a loss is at home in. */
export function planeOf(every: EveryLoss): Plane {
  if (every.kind === 'reward-model') return scores;
  if (every.kind === 'token') return meanLogRatios;
  const needs = needsOfPair(every);
  if (every.kind === 'pairwise' && !needs.includes('rejected') && needs.includes('corruptedChosen')) return image;
  if (axisOf(every) === meanLogRatioCurve.axis) return meanLogRatios;
  if (needs.includes('refChosen')) return logRatios;
  return axisOf(every) === meanLogpCurve().axis || needs.includes('rejectedLength') ? meanLogps : logps;
}

/** Whether the loss compares with a reference; without one, probabilities above 1 are no place to evaluate it at. */
export const hasReference = (every: EveryLoss): boolean =>
  every.kind === 'reward-model' || every.kind === 'token' || needsOfPair(every).includes('refChosen');
