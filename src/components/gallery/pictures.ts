/**
 * The picture of each loss, drawn by the loss's own float64 code at the present knobs: pairs over their margin, single
 * answers by their label, tokens over their ratio, groups by how the better answer stands to the worse. No drawing.
 */
import { CURVE_PAIR } from '../../kernels/losses/curves.ts';
import type { CoupledObjective, CoupledPair } from '../../kernels/losses/families/coupled.ts';
import { evaluateGroupF64 } from '../../kernels/losses/families/evaluate-group.ts';
import { evaluateRewardModelF64 } from '../../kernels/losses/families/evaluate-reward-model.ts';
import { prepareExamples } from '../../kernels/losses/families/evaluate-unpaired.ts';
import type { EveryLoss } from '../../kernels/losses/families/every.ts';
import type { SequenceObjective, TokenObjective } from '../../kernels/losses/families/group.ts';
import type { RewardModelObjective } from '../../kernels/losses/families/reward-model.ts';
import type { UnpairedObjective } from '../../kernels/losses/families/unpaired.ts';
import type { HyperparameterValues, Objective } from '../../kernels/losses/objective.ts';
import { curvePoints, isDrawable, rangeFor, roundUp } from '../objective/plot.ts';

export interface Line {
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Blue or orange as on the rest of the page, or the colour of text. */
  readonly tone: '' | 'chosen' | 'rejected';
  /** What the line stands for, where there are two. */
  readonly label?: string;
}

export interface Picture {
  readonly lines: readonly Line[];
  /** What is drawn over what, in words. */
  readonly y: string;
  readonly x: string;
}

const POINTS = 81;

/** `y` at evenly spaced places of [from, to]; those that are not finite are left out. */
function sampled(from: number, to: number, y: (x: number) => number): Line['points'] {
  return Array.from({ length: POINTS }, (_, i) => from + ((to - from) * i) / (POINTS - 1))
    .map((x) => [x, y(x)] as const)
    .filter(([, value]) => Number.isFinite(value));
}

/** Knobs at their defaults: the frame of a picture, so that what a knob does is seen as a change of the line. */
const initial = ({ hyperparameters }: Pick<Objective, 'hyperparameters'>): Record<string, number> =>
  Object.fromEntries(hyperparameters.map((each) => [each.key, each.default]));

/** A round range that shows a logistic function of the default scale bend: four of its widths. */
const bend = (loss: Pick<Objective, 'hyperparameters'>): number => roundUp(4 / (initial(loss).beta ?? 1));

function unpairedPicture(objective: UnpairedObjective, h: HyperparameterValues): Picture {
  const rows = [1, 0].map((label) => ({ label, logRatio: 0, mismatchedLogRatio: 0 }));
  const { values } = prepareExamples({ objective: objective.id, hyperparameters: h, rows });
  const range = bend(objective);
  const line = (label: number) =>
    sampled(-range, range, (logRatio) => objective.evaluate({ label, logRatio, mismatchedLogRatio: 0 }, values).loss);
  return {
    lines: [
      { points: line(1), tone: 'chosen', label: 'wanted' },
      { points: line(0), tone: 'rejected', label: 'unwanted' },
    ],
    y: 'loss',
    x: 'log-ratio of the answer',
  };
}

/** One pair of four moves; the others stay where they are. */
function coupledPicture(objective: CoupledObjective, h: HyperparameterValues): Picture {
  const range = bend(objective);
  const pair = (margin: number, referenceMargin: number): CoupledPair => ({
    policyMargin: margin + referenceMargin,
    referenceMargin,
    chosenLogRatio: margin / 2,
    rejectedLogRatio: -margin / 2,
  });
  const others = [pair(-range / 4, -range / 8), pair(range / 8, 0), pair(range / 2, range / 8)];
  const loss = (margin: number) =>
    objective.evaluate([pair(margin, 0), ...others], h).reduce((sum, each) => sum + each.loss, 0) / 4;
  return {
    lines: [{ points: sampled(-range, range, loss), tone: '' }],
    y: 'loss of a batch of four',
    x: 'margin of one of its pairs',
  };
}

function rewardModelPicture({ id, needsMargin }: RewardModelObjective, hyperparameters: HyperparameterValues): Picture {
  const margin = needsMargin ? 1 : undefined;
  const loss = (scoreChosen: number) => {
    const rows = [{ scoreChosen, scoreRejected: 0, margin }];
    return evaluateRewardModelF64({ objective: id, hyperparameters, rows }).batch.loss;
  };
  return {
    lines: [{ points: sampled(-5, 5, loss), tone: '' }],
    y: `loss${needsMargin ? ' at a margin of 1' : ''}`,
    x: 'score of the chosen answer, the other’s at 0',
  };
}

/** A token that was sampled at the reference's own probability. */
const SAMPLED = { oldLogp: -1, refLogp: -1, weight: 1, value: 0, oldValue: 0, valueTarget: 0 };

function tokenPicture(objective: TokenObjective, h: HyperparameterValues): Picture {
  if (objective.surrogate) {
    const line = (winning: number) =>
      sampled(-8, 8, (ratio) => {
        const token = { ...SAMPLED, logp: SAMPLED.refLogp + ratio, advantage: winning - 0.5 };
        return objective.evaluate(token, h).gradient;
      });
    return {
      lines: [
        { points: line(1), tone: 'chosen', label: 'always wins' },
        { points: line(0), tone: 'rejected', label: 'never wins' },
      ],
      y: 'gradient of a token',
      x: 'its log-ratio to the reference',
    };
  }
  const line = (advantage: number) =>
    sampled(0.1, 2, (ratio) => {
      const token = { ...SAMPLED, logp: SAMPLED.oldLogp + Math.log(ratio), advantage };
      return objective.evaluate(token, h).loss;
    });
  return {
    lines: [
      { points: line(1), tone: 'chosen', label: 'advantage 1' },
      { points: line(-1), tone: 'rejected', label: 'advantage −1' },
    ],
    y: 'loss of a token',
    x: 'its probability over that when sampled',
  };
}

/** Two answers of two tokens, the first rewarded: it rises as the other falls. */
function sequencePicture(objective: SequenceObjective, hyperparameters: HyperparameterValues): Picture {
  const range = objective.ratioTo === 'reference' ? bend(objective) : 3;
  const start = -(range / 2 + 1);
  const loss = (margin: number) => {
    const answer = (shift: number, reward: number) => {
      const [logps, before] = [start + shift, start].map((sum) => [sum / 2, sum / 2]);
      return { logps, oldLogps: before, refLogps: before, reward };
    };
    const completions = [answer(margin / 2, 1), answer(-margin / 2, 0)];
    return evaluateGroupF64({ objective: objective.id, hyperparameters, groupSize: 2, completions }).loss;
  };
  return {
    lines: [{ points: sampled(-range, range, loss), tone: '' }],
    y: 'loss of two answers',
    x: 'log-probability of the better less the other’s',
  };
}

function pairwisePicture(objective: Objective, h: HyperparameterValues): Picture {
  if (!isDrawable(objective)) return { lines: [], y: 'loss', x: 'margin' };
  const prepared = (values: HyperparameterValues) => objective.prepare?.([CURVE_PAIR], values) ?? values;
  // Wide enough for a loss that is not convex around 0 to show its hill and its valley.
  const least = 0.5 / (initial(objective).beta ?? 1);
  const range = rangeFor(objective, prepared(initial(objective)), [least]);
  const points = curvePoints(objective, prepared(h), range, undefined, POINTS);
  return {
    lines: [{ points: points.map(({ margin, loss }) => [margin, loss] as const), tone: '' }],
    y: 'loss',
    x: 'margin',
  };
}

/**
 * The picture of a loss at these hyperparameters (all of them, as `hyperparameterValues` gives them). Where its code
 * gives no finite number, a line has no points.
 */
export function pictureOf({ kind, loss }: EveryLoss, h: HyperparameterValues): Picture {
  switch (kind) {
    case 'pairwise':
      return pairwisePicture(loss, h);
    case 'unpaired':
      return unpairedPicture(loss, h);
    case 'coupled':
      return coupledPicture(loss, h);
    case 'reward-model':
      return rewardModelPicture(loss, h);
    case 'token':
      return tokenPicture(loss, h);
    case 'sequence':
      return sequencePicture(loss, h);
  }
}
