/**
 * The pictures that losses beside the pairwise ones have of their own: what happens to one answer, one token, one
 * difference of scores, or to a batch put in order. No drawing.
 */
import type { CoupledObjective } from '../../kernels/losses/families/coupled.ts';
import type { TokenObjective } from '../../kernels/losses/families/group.ts';
import { samplePair } from '../../kernels/losses/families/on-pairs.ts';
import type { UnpairedObjective } from '../../kernels/losses/families/unpaired.ts';
import { bendingRange } from '../objective/plot.ts';
import type { Landscape } from './landscape.ts';
import type { PlotBand, PlotDot } from './margin-lines.ts';
import { withLogRatios } from './plane.ts';
import { landscapeIn, type View } from './view.ts';

/** One line: a function of the axis, or given points. Values are loss and derivative by the answer's own number. */
export interface Trace {
  readonly id: string;
  readonly label: string;
  readonly tone: 'chosen' | 'rejected';
  at(x: number): { readonly loss: number; readonly gradient: number };
}

export interface AnswerPicture {
  /** What a tab with it is called. */
  readonly title: string;
  /** The axis as KaTeX, and in words. */
  readonly tex: string;
  readonly words: string;
  readonly domain: readonly [number, number];
  readonly traces: readonly Trace[];
  /** Heading of the upper picture, and of the lower one where there is one. */
  readonly headings: readonly [string, string?];
  readonly dots: readonly PlotDot[];
  readonly bands: readonly PlotBand[];
  readonly caption: string;
}

/** The picture of a loss that is not pairwise; null for one that is: its curve over the margin is its picture. */
export function answerPicture(view: View): AnswerPicture | null {
  const { every } = view;
  const landscape = landscapeIn(view);
  switch (every.kind) {
    case 'pairwise':
      return null;
    case 'unpaired':
      return unpaired(view, every.loss, landscape);
    case 'token':
      return token(view, every.loss);
    case 'sequence':
      return sequence(view, landscape);
    case 'reward-model':
      return scores(view, landscape);
    case 'coupled':
      return batch(view, every.loss);
  }
}

/** Wide enough for the places, and for the slope on the right to fall below an eighth of the slope in the middle. */
function settlingRange(loss: (x: number) => number, places: readonly number[]): number {
  const middle = (loss(0.01) - loss(-0.01)) / 0.02;
  return bendingRange((x) => (x > 0 ? loss(x) : loss(0) + middle * x), [...places, 0.5]);
}

/** Where chosen answers stand on the first trace and rejected ones on the second. */
function answers(
  view: View,
  traces: readonly Trace[],
  place: (pair: View['like']) => readonly [number, number],
): PlotDot[] {
  return view.pairs.flatMap(({ id, name, inputs }) =>
    place(inputs).map((x, i) => ({ id, name, x, y: traces[i].at(x).loss, tone: traces[i].tone })),
  );
}

const widest = (dots: readonly number[]): number => dots.reduce((most, each) => Math.max(most, Math.abs(each)), 0);

function unpaired(view: View, loss: UnpairedObjective, { values }: Landscape): AnswerPicture {
  const trace = (label: string, wanted: 0 | 1, tone: Trace['tone']): Trace => ({
    id: String(wanted),
    label,
    tone,
    at: (logRatio) => loss.evaluate({ label: wanted, logRatio, mismatchedLogRatio: 0 }, values),
  });
  const traces = [trace('wanted', 1, 'chosen'), trace('unwanted', 0, 'rejected')];
  const places = view.pairs.flatMap(({ inputs }) => [inputs.chosenLogRatio, inputs.rejectedLogRatio]);
  const range = settlingRange((x) => traces[0].at(x).loss, places);
  return {
    title: 'One answer',
    tex: 'h = \\log\\tfrac{\\pi_\\theta(y)}{\\pi_\\mathrm{ref}(y)}',
    words: 'log-ratio of the answer, nats',
    domain: [-range, range],
    traces,
    headings: ['loss', 'dL / d log π(y)'],
    dots: answers(view, traces, (pair) => [pair.chosenLogRatio, pair.rejectedLogRatio]),
    bands: [],
    caption: `Rings: chosen answers, wanted. Crosses: rejected answers, unwanted.${
      loss.needsMismatched
        ? ' z₀ = 0, as while policy and reference agree on mismatched answers; training measures it.'
        : ''
    }${loss.refuseBatch && view.pairs.length === 1 ? ` ${loss.label} trains on two pairs or more.` : ''}`,
  };
}

function token(view: View, loss: TokenObjective): AnswerPicture {
  const { values } = view;
  const old = -1;
  const trace = (label: string, advantage: 1 | -1, tone: Trace['tone']): Trace => ({
    id: String(advantage),
    label,
    tone,
    at: (ratio) => {
      const row = {
        logp: old + Math.log(ratio),
        oldLogp: old,
        refLogp: old,
        advantage,
        weight: 1,
        value: 0,
        oldValue: 0,
        valueTarget: 0,
      };
      return loss.evaluate(row, values);
    },
  });
  const traces = [trace('advantage +1', 1, 'chosen'), trace('advantage −1', -1, 'rejected')];
  const low = values.epsilon ?? values.cliprange;
  const high = values.epsilon_high ?? values.cliprange;
  const clips = low !== undefined && high !== undefined;
  const perToken = ({ chosenLogRatio, rejectedLogRatio, chosenLength, rejectedLength }: View['like']) =>
    [Math.exp(chosenLogRatio / chosenLength), Math.exp(rejectedLogRatio / rejectedLength)] as const;
  const far = Math.max(2, widest(view.pairs.flatMap(({ inputs }) => perToken(inputs))) * 1.1);
  return {
    title: 'One token',
    tex: '\\rho_t = \\tfrac{\\pi_\\theta(y_t)}{\\pi_\\mathrm{old}(y_t)}',
    words: 'ratio of the token’s probability to what it was when sampled',
    domain: [0.02, far],
    traces,
    headings: ['loss of one token', 'dL / d log π(y_t)'],
    dots: answers(view, traces, perToken),
    bands: clips
      ? [
          { from: 0, to: 1 - low, label: 'bad tokens no longer pushed' },
          { from: 1 + high, to: far, label: 'good tokens no longer pushed' },
        ]
      : [],
    caption: `The reference is the policy that sampled. Rings and crosses: mean ratio per token of the chosen and rejected answers, as if advantages were +1 and −1.${
      clips ? ' Shaded: where the clip holds tokens of one sign.' : ''
    }`,
  };
}

function sequence(view: View, landscape: Landscape): AnswerPicture {
  const { every, values } = landscape;
  const { like } = view;
  const trace = (
    label: string,
    tone: Trace['tone'],
    move: (h: number) => View['like'],
    side: 'chosen' | 'rejected',
  ): Trace => ({
    id: side,
    label,
    tone,
    at: (h) => {
      const sample = samplePair(every, move(h), values);
      return { loss: sample.loss, gradient: sample[side] };
    },
  });
  const traces = [
    trace('better answer', 'chosen', (h) => withLogRatios(like, h, 0), 'chosen'),
    trace('worse answer', 'rejected', (h) => withLogRatios(like, 0, h), 'rejected'),
  ];
  const places = view.pairs.flatMap(({ inputs }) => [inputs.chosenLogRatio, inputs.rejectedLogRatio]);
  const ratio = every.kind === 'sequence' && every.loss.ratioTo === 'old';
  // Around the clip, which is narrow; pairs after some training stand far outside of it.
  const range = ratio ? 1 : bendingRange((x) => traces[0].at(x).loss, [...places, 2]);
  const { epsilon } = values;
  return {
    title: 'One answer',
    tex: ratio
      ? '\\log\\rho = \\log\\tfrac{\\pi_\\theta(y)}{\\pi_\\mathrm{old}(y)}'
      : 'h = \\log\\tfrac{\\pi_\\theta(y)}{\\pi_\\mathrm{ref}(y)}',
    words: 'log-ratio of the answer to when it was sampled, nats',
    domain: [-Math.min(range, 50), Math.min(range, 50)],
    traces,
    headings: ['loss of the group', 'dL / d log π(y)'],
    dots: [],
    bands:
      ratio && epsilon !== undefined
        ? [
            { from: Number.NEGATIVE_INFINITY, to: Math.log(1 - epsilon), label: 'worse answer no longer pushed' },
            { from: Math.log(1 + epsilon), to: Number.POSITIVE_INFINITY, label: 'better answer no longer pushed' },
          ]
        : [],
    caption: `A group of two answers, rewarded 1 and 0. One moves, the other stays where the reference has it. Lengths are those of ${view.likeName}.`,
  };
}

function scores(view: View, landscape: Landscape): AnswerPicture {
  const at = (x: number) => landscape.at(landscape.plane.at(x / 2, -x / 2, view.like));
  const trace = (label: string, side: 'chosen' | 'rejected'): Trace => ({
    id: side,
    label,
    tone: side,
    at: (x) => ({ loss: at(x)?.loss ?? Number.NaN, gradient: at(x)?.[side] ?? Number.NaN }),
  });
  const traces = [trace('by the chosen score', 'chosen'), trace('by the rejected score', 'rejected')];
  const difference = ({ scoreChosen, scoreRejected }: View['like']) => scoreChosen - scoreRejected;
  const range = Math.max(4, widest(view.pairs.map(({ inputs }) => difference(inputs))) * 1.1);
  return {
    title: 'Scores',
    tex: 'r_w - r_l',
    words: 'difference of the scores, their sum held at 0',
    domain: [-range, range],
    traces,
    headings: ['loss', 'dL / d score'],
    dots: view.pairs.map(({ id, name, inputs }) => ({
      id,
      name,
      x: difference(inputs),
      y: landscape.at(inputs)?.loss ?? Number.NaN,
    })),
    bands: [],
    caption:
      view.pairs.length > 0
        ? 'Dots: the pairs of the page, with the scores they have.'
        : 'The pairs of this page have no scores, so there are no dots.',
  };
}

/** Both distributions in order: what a loss that sorts compares. */
function batch(view: View, loss: CoupledObjective): AnswerPicture {
  const paired = loss.id === 'aot';
  const pairs = view.pairs.map(({ inputs }) => inputs);
  const up = (values: readonly number[]) => values.toSorted((a, b) => a - b);
  const first = up(pairs.map((pair) => (paired ? pair.chosen - pair.rejected : pair.chosenLogRatio)));
  const second = up(
    pairs.map((pair) =>
      paired ? pair.chosen - pair.rejected - (pair.chosenLogRatio - pair.rejectedLogRatio) : pair.rejectedLogRatio,
    ),
  );
  const trace = (id: string, label: string, tone: Trace['tone'], sorted: readonly number[]): Trace => ({
    id,
    label,
    tone,
    at: (x) => ({
      loss: sorted[Math.min(sorted.length, Math.max(1, Math.round(x))) - 1] ?? Number.NaN,
      gradient: Number.NaN,
    }),
  });
  const names = paired ? ['policy’s margins', 'reference’s margins'] : ['chosen log-ratios', 'rejected log-ratios'];
  return {
    title: 'Batch',
    tex: 'k',
    words: 'rank in the batch, lowest first',
    domain: [1, Math.max(2, pairs.length)],
    traces: [trace('first', names[0], 'chosen', first), trace('second', names[1], 'rejected', second)],
    headings: [`${names[0]} and ${names[1]}, in order`],
    dots: [],
    bands: [],
    caption:
      pairs.length > 0
        ? `The ${pairs.length} pairs of the page as one batch. ${loss.label} wants the blue line above the dashed one${loss.id === 'kto_pair' ? ', each against the other’s mean' : ', rank by rank'}.`
        : 'The page has no scored pair yet: add two, and their distributions stand here in order.',
  };
}
