import { expect } from '@esm-bundle/chai';
import { arrowField } from '../../src/components/explorer/arrows.ts';
import { contourLines } from '../../src/components/explorer/contours.ts';
import { levelsOf, rangeOfValues, sampleGrid, shareOf } from '../../src/components/explorer/grid.ts';
import { knobValues } from '../../src/components/explorer/knob-values.ts';
import { completed, furtherInputs, landscapeOf } from '../../src/components/explorer/landscape.ts';
import { pathOf } from '../../src/components/explorer/paths.ts';
import { planeOf } from '../../src/components/explorer/plane.ts';
import {
  MARGINS,
  type MarginId,
  marginOf,
  SLICES,
  type SliceId,
  sampleAt,
  sampleSlice,
  sliceThrough,
} from '../../src/components/explorer/slices.ts';
import { spread } from '../../src/components/explorer/spread.ts';
import { CURVE_PAIR } from '../../src/kernels/losses/curves.ts';
import { resolveHyperparameters } from '../../src/kernels/losses/evaluate.ts';
import { evaluatePairsF64 } from '../../src/kernels/losses/families/evaluate-pairs.ts';
import { evaluateUnpairedF64 } from '../../src/kernels/losses/families/evaluate-unpaired.ts';
import { type EveryLoss, everyLoss, taggedLoss } from '../../src/kernels/losses/families/every.ts';
import { pairInputs } from '../../src/kernels/losses/inputs.ts';
import type { Hyperparameter } from '../../src/kernels/losses/objective.ts';
import { centralDifferences } from '../support/central-differences.ts';

/** Slope of a function of one number. */
const slopeOf = (f: (x: number) => number, at: number): number => centralDifferences(([x]) => f(x), [at])[0];

const named = (id: string): EveryLoss => taggedLoss(id)!;
const defaults = ({ loss }: EveryLoss) => resolveHyperparameters(loss, {});
const landscape = (id: string) => landscapeOf(named(id), defaults(named(id)));

describe('grid, contours and arrows', () => {
  it('samples a function row by row from the lower left', () => {
    const grid = sampleGrid((x, y) => (x > 1 ? 1 / 0 : 10 * y + x), [0, 2], [0, 1], 3);
    expect([...grid.values.slice(0, 2)]).to.deep.equal([0, 1]);
    expect(grid.values[2]).to.be.NaN;
    expect(grid.values[6]).to.equal(10);
    expect(rangeOfValues(grid.values)).to.deep.equal([0, 11]);
  });

  it('chooses levels that divide the area, and spaces colours by them', () => {
    const values = Float64Array.from({ length: 1001 }, (_, i) => i ** 2);
    const levels = levelsOf(values, 3);
    expect(levels).to.deep.equal([63000, 250000, 560000]);
    expect(shareOf(63000, levels, 0, 1e6)).to.be.closeTo(0.25, 1e-12);
    expect(shareOf(0, levels, 0, 1e6)).to.equal(0);
    expect(shareOf(1e6, levels, 0, 1e6)).to.equal(1);
    expect(levelsOf([Number.NaN], 3)).to.deep.equal([]);
    expect(levelsOf([2, 2, 2], 3)).to.deep.equal([]);
  });

  it('draws a circle as one closed line on the circle', () => {
    const grid = sampleGrid((x, y) => x * x + y * y, [-2, 2], [-2, 2], 41);
    const lines = contourLines(grid, 1);
    expect(lines).to.have.length(1);
    expect(lines[0][0]).to.deep.equal(lines[0].at(-1));
    for (const [x, y] of lines[0]) expect(Math.hypot(x, y)).to.be.closeTo(1, 0.01);
  });

  it('keeps the arms of a saddle apart, on either side of its level', () => {
    const grid = sampleGrid((x, y) => x * y, [-1, 1], [-1, 1], 2);
    for (const level of [-0.1, 0.1]) {
      const lines = contourLines(grid, level);
      expect(lines).to.have.length(2);
      // Above the saddle's mean the lines cut off the high corners, below it the low ones.
      for (const line of lines) for (const [x, y] of line) expect(x * y * level).to.be.greaterThan(-1e-9);
      const middle = lines.map((line) => (line[0][0] + line[1][0]) * (line[0][1] + line[1][1]) * Math.sign(level));
      expect(middle.every((product) => product > 0)).to.equal(true);
    }
  });

  it('draws nothing through cells without a value, and straight lines from edge to edge', () => {
    const plane = sampleGrid((x, y) => (x < -0.5 && y < -0.5 ? Number.NaN : x + y), [-1, 1], [-1, 1], 21);
    const [line, ...more] = contourLines(plane, 0.05);
    expect(more).to.have.length(0);
    expect(line).to.have.length.greaterThan(20);
    for (const [x, y] of line) expect(x + y).to.be.closeTo(0.05, 1e-12);
  });

  it('points against the gradient, the longest arrow with strength 1', () => {
    const field = arrowField((x, y) => (x > 0.9 ? null : [2 * x, 2 * y]), [-1, 1], [-1, 1], 4);
    expect(field.longest).to.be.closeTo(2 * Math.hypot(0.75, 0.75), 1e-12);
    expect(field.arrows).to.have.length(16);
    for (const { x, y, dx, dy, strength } of field.arrows) {
      expect(Math.hypot(dx, dy)).to.be.closeTo(strength, 1e-12);
      expect(dx * x + dy * y).to.be.lessThan(0);
    }
    expect(Math.max(...field.arrows.map(({ strength }) => strength))).to.be.closeTo(1, 1e-12);
    expect(arrowField(() => [0, 0], [0, 1], [0, 1], 3)).to.deep.equal({ arrows: [], longest: 0 });
  });
});

describe('landscapes of every loss', () => {
  it('agree with their gradients in the plane of the map', () => {
    for (const every of everyLoss) {
      const land = landscapeOf(every, defaults(every));
      const base = { ...CURVE_PAIR, scoreChosen: 0.9, scoreRejected: -0.4, scoreMargin: 1.3 };
      const [x, y] = land.plane.of(base);
      // Off the kinks of hinges and clips.
      const [px, py] = [x + 0.013, y - 0.017];
      const there = land.plane.at(px, py, base);
      const sample = land.at(there)!;
      expect(sample, every.loss.id).not.to.equal(null);
      const slopes = [
        slopeOf((value) => land.at(land.plane.at(value, py, base))!.loss, px),
        slopeOf((value) => land.at(land.plane.at(px, value, base))!.loss, py),
      ];
      land.gradient(sample, base).forEach((each, axis) => {
        // The value of Nash-MD is a surrogate whose gradient is meant.
        if (every.loss.id === 'nash_md') return;
        expect(each, `${every.loss.id} ${axis}`).to.be.closeTo(
          slopes[axis],
          1e-5 * Math.max(1, Math.abs(slopes[axis])),
        );
      });
    }
  });

  it('return to the pair they came from', () => {
    for (const every of everyLoss) {
      const plane = planeOf(every);
      const [x, y] = plane.of(CURVE_PAIR);
      const back = plane.at(x, y, CURVE_PAIR);
      for (const key of ['chosen', 'rejected', 'chosenLogRatio', 'rejectedLogRatio'] as const) {
        expect(back[key], `${every.loss.id} ${key}`).to.be.closeTo(CURVE_PAIR[key], 1e-12);
      }
    }
  });

  it('take the units of the loss: log-ratios, means, sums, scores', () => {
    const planes = ['dpo_sigmoid', 'ipo_avg', 'simpo', 'cpo', 'image_dpo', 'bradley_terry', 'grpo', 'rrhf', 'kto'];
    expect(planes.map((id) => planeOf(named(id)).id)).to.deep.equal([
      'log-ratios',
      'mean log-ratios',
      'mean logps',
      'logps',
      'image',
      'scores',
      'mean log-ratios',
      'mean logps',
      'log-ratios',
    ]);
    expect(landscape('dpo_sigmoid').exact).to.equal(true);
    expect(landscape('simpo').exact).to.equal(true);
    expect(landscape('odpo').exact).to.equal(false);
    expect(furtherInputs(named('odpo')).join()).to.contain('score of the chosen answer');
    expect(landscape('rpo_dpo_plus_sft').exact).to.equal(false);
  });

  it('end where a probability would pass 1, for losses that see no reference', () => {
    const high = { ...CURVE_PAIR, chosen: 0.5 };
    expect(landscape('simpo').at(high)).to.equal(null);
    expect(landscape('dpo_sigmoid').at(high)).not.to.equal(null);
  });

  it('complete a pair from the example without touching what it knows', () => {
    const pair = completed(pairInputs({ chosen: -3, rejected: -5, refChosen: -4, refRejected: -5 }));
    expect(pair.chosenLogRatio).to.equal(1);
    expect(pair.chosenLength).to.equal(CURVE_PAIR.chosenLength);
  });
});

describe('slices', () => {
  it('have the margin they promise, and the slope along them', () => {
    for (const slice of Object.keys(SLICES) as SliceId[]) {
      for (const margin of Object.keys(MARGINS) as MarginId[]) {
        const line = sliceThrough(CURVE_PAIR, slice, margin);
        const plane = planeOf(named('dpo_sigmoid'));
        for (const value of [-3, 0, 2.5]) {
          const pair = plane.at(...line.at(value), CURVE_PAIR);
          expect(marginOf(pair, margin), `${slice} ${margin}`).to.be.closeTo(value, 1e-12);
        }
        const land = landscape('dpo_sigmoid');
        const at = (value: number) => sampleAt(land, line, CURVE_PAIR, value)!;
        expect(at(0.7).slope).to.be.closeTo(
          slopeOf((value) => at(value).loss, 0.7),
          1e-7,
        );
      }
    }
  });

  it('hold one answer fixed where they say so', () => {
    const line = sliceThrough(CURVE_PAIR, 'chosen', 'log-ratio');
    expect(line.at(5)[1]).to.equal(CURVE_PAIR.rejectedLogRatio);
    expect(sliceThrough(CURVE_PAIR, 'rejected', 'log-ratio').at(5)[0]).to.equal(CURVE_PAIR.chosenLogRatio);
  });

  it('give every loss a curve', () => {
    const line = sliceThrough(CURVE_PAIR, 'apart', 'log-ratio');
    for (const every of everyLoss) {
      const samples = sampleSlice(landscapeOf(every, defaults(every)), line, CURVE_PAIR, 10, 41);
      expect(samples.length, every.loss.id).to.be.greaterThan(20);
    }
  });
});

describe('losses of other families on pairs', () => {
  const rows = [
    { chosen: -3, rejected: -5, refChosen: -4, refRejected: -5, chosenLength: 6, rejectedLength: 7 },
    { chosen: -6, rejected: -4, refChosen: -5, refRejected: -5, chosenLength: 8, rejectedLength: 5 },
  ];

  it('see a pair as a wanted and an unwanted example', () => {
    const evaluation = evaluatePairsF64({ objective: 'bco_unpaired', hyperparameters: {}, rows });
    const examples = rows.flatMap((row) => [
      { label: 1, logp: row.chosen, refLogp: row.refChosen },
      { label: 0, logp: row.rejected, refLogp: row.refRejected },
    ]);
    const { batch } = evaluateUnpairedF64({ objective: 'bco_unpaired', hyperparameters: {}, rows: examples });
    expect(evaluation.batch.loss).to.be.closeTo(batch.loss, 1e-12);
    expect(evaluation.batch['rewards/margins']).to.be.closeTo(batch['rewards/margins'], 1e-12);
  });

  it('evaluate every loss, with rewards where it has them', () => {
    for (const { kind, loss } of everyLoss.filter((each) => each.kind !== 'pairwise')) {
      const withScores = rows.map((row) => ({ ...row, scoreChosen: 0.5, scoreRejected: 0.3 }));
      const { batch, pairs } = evaluatePairsF64({ objective: loss.id, hyperparameters: {}, rows: withScores });
      expect(pairs, loss.id).to.have.length(2);
      expect(Number.isFinite(batch.loss), loss.id).to.equal(true);
      expect(Number.isNaN(batch['rewards/margins']), loss.id).to.equal(
        kind === 'token' || ['rloo', 'raft', 'rrhf'].includes(loss.id),
      );
    }
    expect(() => evaluatePairsF64({ objective: 'bradley_terry', hyperparameters: {}, rows })).to.throw('lacks');
  });
});

describe('knob values and paths', () => {
  it('surround the present value and leave out what is refused', () => {
    const [beta] = named('dpo_sigmoid').loss.hyperparameters;
    expect(knobValues(beta, { beta: 0.1 })).to.deep.equal([0.025, 0.05, 0.1, 0.2, 0.4]);
    expect(knobValues(beta, { beta: 0.013 })).to.deep.equal([0.013, 0.026, 0.052]);
    const half: Hyperparameter = { ...beta, key: 'e', scale: undefined, min: 0, max: 0.5, step: 0.01 };
    const refusing = { ...half, refuse: (value: number) => (value < 0.5 ? undefined : 'no') };
    expect(knobValues(refusing, { e: 0.1 })).to.deep.equal([0, 0.1, 0.13, 0.25, 0.38]);
  });

  it('follow a pair from the steps that saw it to where it stands', () => {
    const plane = planeOf(named('dpo_sigmoid'));
    const point = { step: 1, loss: 0.6, margin: 0.1, chosen: -19, rejected: -23 };
    const now = { ...CURVE_PAIR, chosenLogRatio: 1, rejectedLogRatio: -1 };
    const track = [
      { ...point, chosenLogRatio: 0, rejectedLogRatio: 0 },
      { ...point, chosen: -18.5 },
    ];
    expect(pathOf(track, now, plane)).to.deep.equal([
      [0, 0],
      [0.5, 0],
      [1, -1],
    ]);
    expect(pathOf(track, now, planeOf(named('cpo')))[0]).to.deep.equal([-19, -23]);
    const long = Array.from({ length: 500 }, (_, step) => ({ ...point, step, chosenLogRatio: step }));
    const path = pathOf(long, now, plane);
    expect(path.length).to.be.lessThan(100);
    expect(path.at(-1)).to.deep.equal([1, -1]);
  });
});

describe('labels', () => {
  it('move apart, in order, and stay inside where there is room', () => {
    expect(spread([10, 11, 50], 10, 0, 100)).to.deep.equal([10, 20, 50]);
    expect(spread([99, 98], 10, 0, 100)).to.deep.equal([100, 90]);
    expect(spread([], 10, 0, 100)).to.deep.equal([]);
  });
});
