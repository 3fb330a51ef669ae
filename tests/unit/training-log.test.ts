import { expect } from '@esm-bundle/chai';
import { secondsLeft, timeText } from '../../src/components/training/time.ts';
import type { StepMetrics, TrainingPair } from '../../src/engine/engine.ts';
import { DEFAULT_SETTINGS } from '../../src/state/defaults.ts';
import { decodeLink, encodeLink } from '../../src/state/persistence/link.ts';
import type { HeldOutPoint, RunRecord } from '../../src/state/state.ts';
import { stepToForget } from '../../src/state/training/checkpoints.ts';
import { displacement, overOptimisation } from '../../src/state/training/judge.ts';
import { lookAfter, nextLook } from '../../src/state/training/looks.ts';
import { MetricsLog } from '../../src/state/training/metrics.ts';
import { runNames } from '../../src/state/training/names.ts';
import { ownPrompts } from '../../src/state/training/own-samples.ts';
import {
  configOf,
  DEFAULT_TRAINING,
  defaultTraining,
  followObjective,
  validTraining,
  withTraining,
} from '../../src/state/training/settings.ts';
import { PairTracks } from '../../src/state/training/tracks.ts';
import { fakeMetrics, fakePair } from '../support/fake-training.ts';

const logOf = (steps: number, change: (step: number) => Partial<StepMetrics> = () => ({})): MetricsLog => {
  const log = new MetricsLog();
  for (let step = 1; step <= steps; step++) log.append({ ...fakeMetrics(step), ...change(step) });
  return log;
};

describe('MetricsLog', () => {
  it('appends beyond its first capacity, forgets after a step, and survives a snapshot', () => {
    const log = logOf(200);
    expect(log.length).to.equal(200);
    expect(log.step).to.equal(200);
    expect(log.column('loss')[199]).to.equal(fakeMetrics(200).loss);
    expect(log.last('log_ratios/chosen')).to.be.NaN;
    log.truncate(150);
    expect(log.step).to.equal(150);
    const copy = new MetricsLog(structuredClone(log.snapshot()));
    copy.append(fakeMetrics(151));
    expect(copy.length).to.equal(151);
    expect([...copy.column('rewards/margins').subarray(0, 150)]).to.deep.equal([...log.column('rewards/margins')]);
    expect(new MetricsLog().last('loss')).to.equal(undefined);
  });

  it('tells the time left at the pace of the last steps', () => {
    expect(secondsLeft(logOf(20), 120)).to.be.closeTo(10, 1e-9);
    expect(secondsLeft(new MetricsLog(), 10)).to.equal(undefined);
    expect([5, 200, 4800].map(timeText)).to.deep.equal(['5 s', '3 min', '1 h 20 min']);
  });
});

describe('PairTracks', () => {
  const pairs = (step: number) => [fakePair(step, 0), fakePair(step, 1)];

  it('keeps a bounded, evenly thinned track per pair, the newest point always', () => {
    const tracks = new PairTracks();
    tracks.begin(['a', 'b']);
    for (let step = 1; step <= 10_000; step++) tracks.append(step, pairs(step));
    const steps = tracks.of('b').map(({ step }) => step);
    expect(steps.length).to.be.within(2048, 4096);
    expect(steps.at(0)).to.equal(1);
    expect(steps.at(-1)).to.equal(10_000);
    expect(tracks.of('b').at(-1)).to.deep.include({ chosenLogRatio: 9999, margin: fakePair(10_000, 1).margin });
    expect(tracks.of('c')).to.deep.equal([]);
  });

  it('forgets after a step, survives a snapshot, and starts afresh with other pairs', () => {
    const tracks = new PairTracks();
    tracks.begin(['a', 'b']);
    for (let step = 1; step <= 5; step++) tracks.append(step, pairs(step));
    tracks.truncate(3);
    const copy = new PairTracks(structuredClone(tracks.snapshot()));
    copy.begin(['a', 'b']);
    expect(copy.of('a').map(({ step }) => step)).to.deep.equal([1, 2, 3]);
    copy.begin(['a', 'c']);
    expect(copy.of('a')).to.deep.equal([]);
  });
});

describe('what the numbers of a run say', () => {
  it('tells when both answers fell and the margin rose', () => {
    const falling = logOf(10, (step) => ({ 'log_ratios/chosen': -0.1 * step, 'log_ratios/rejected': -0.3 * step }));
    const said = displacement(falling, 5)!;
    expect(said.since).to.equal('reference');
    expect(said.chosen).to.be.closeTo(-0.8, 1e-9);
    expect(said.rejected).to.be.closeTo(-2.4, 1e-9);
    expect(said.margin).to.be.closeTo(0.5, 1e-9);
  });

  it('keeps quiet when the chosen answer became likelier, or before there is anything to compare', () => {
    expect(displacement(logOf(10), 5)).to.equal(null);
    expect(displacement(logOf(1), 5)).to.equal(null);
  });

  it('without a reference compares with the first epoch', () => {
    const log = logOf(8, (step) => ({ 'logps/chosen': -10 - step, 'logps/rejected': -10 - 2 * step }));
    expect(displacement(log, 2)).to.deep.include({ since: 'start', chosen: -6, rejected: -12 });
  });

  it('flags a rising margin with falling held-out quality', () => {
    const point = (step: number, f1: number, margin: number): HeldOutPoint => {
      return { step, f1, margin, scenes: 8, chairI: 0.1, cover: 0.9, example: '' };
    };
    const rising = [point(0, 0.8, 0), point(5, 0.9, 0.5)];
    expect(overOptimisation({ heldOut: rising })).to.equal(null);
    expect(overOptimisation({ heldOut: [...rising, point(10, 0.7, 2)] })?.best.step).to.equal(5);
    expect(overOptimisation({ heldOut: [...rising, point(10, 0.895, 2)] }), 'noise').to.equal(null);
    expect(overOptimisation({ heldOut: [...rising, point(10, 0.7, 0.2)] }), 'the margin fell too').to.equal(null);
  });
});

describe('names of runs', () => {
  const run = (fields: Partial<RunRecord>): RunRecord => ({
    id: 'a',
    ordinal: 1,
    vlm: 'toybox-vlm',
    objective: 'dpo_sigmoid',
    hyperparameters: { beta: 0.1 },
    settings: DEFAULT_TRAINING,
    pairs: 4,
    pairsKey: 'x',
    steps: 0,
    stepsPerEpoch: 1,
    parameters: 0,
    trainingBytes: 0,
    step: 0,
    status: 'finished',
    checkpoints: [],
    heldOut: [],
    ...fields,
  });

  it('say what differs and nothing else', () => {
    expect(runNames([run({})])).to.deep.equal(['DPO']);
    expect(
      runNames([run({}), run({ hyperparameters: { beta: 0.5 } }), run({ settings: { ...DEFAULT_TRAINING, r: 4 } })]),
    ).to.deep.equal(['DPO, β 0.1, r 16', 'DPO, β 0.5, r 16', 'DPO, β 0.1, r 4']);
    const [dpo, simpo] = runNames([run({}), run({ objective: 'simpo', hyperparameters: { beta: 2, gamma: 1 } })]);
    expect(dpo).to.equal('DPO');
    expect(simpo).to.equal('SimPO');
  });
});

describe('training settings', () => {
  it('become the trainer’s config and the adapter’s shape', () => {
    const { config, lora } = configOf(DEFAULT_TRAINING);
    expect(config).to.not.have.any.keys('r', 'eval_steps');
    expect(Object.keys(lora).sort()).to.deep.equal(['lora_alpha', 'lora_dropout', 'r', 'target_modules']);
  });

  it('refuse what cannot be used', () => {
    expect(() => withTraining(DEFAULT_TRAINING, { learning_rate: -1 })).to.throw(/learning_rate/);
    expect(() => withTraining(DEFAULT_TRAINING, { target_modules: [] })).to.throw(/target_modules/);
    expect(() => withTraining(DEFAULT_TRAINING, { lora_dropout: 1 })).to.throw(/lora_dropout is 1/);
    expect(validTraining({ learning_rate: 'much', r: 4 }, 'cpo').learning_rate).to.equal(
      DEFAULT_TRAINING.learning_rate,
    );
    expect(validTraining({}, 'dpo_sigmoid'), 'DPO brings its own').to.include({
      learning_rate: 1.5e-3,
      num_train_epochs: 8,
    });
    expect(validTraining({ r: 4 }, 'simpo').r).to.equal(4);
  });

  it('follow the objective where nobody touched them', () => {
    const dpo = defaultTraining('dpo_sigmoid');
    const cpo = defaultTraining('cpo');
    expect(dpo.learning_rate).to.not.equal(cpo.learning_rate);
    expect(followObjective(dpo, 'dpo_sigmoid', 'cpo')).to.deep.equal(cpo);
    expect(followObjective({ ...dpo, learning_rate: 7e-4, r: 4 }, 'dpo_sigmoid', 'cpo')).to.deep.equal({
      ...cpo,
      learning_rate: 7e-4,
      r: 4,
    });
    expect(followObjective(cpo, 'cpo', 'orpo')).to.equal(cpo);
  });

  it('say when a run stops to look, and at what', () => {
    const settings = { ...DEFAULT_TRAINING, eval_steps: 6, kl_steps: 4 };
    expect([0, 4, 5, 6].map((step) => nextLook(settings, step))).to.deep.equal([4, 6, 6, 8]);
    expect(nextLook({ ...settings, kl_answers: 0 }, 0)).to.equal(6);
    expect(nextLook(DEFAULT_TRAINING, 0)).to.equal(Number.POSITIVE_INFINITY);
    const { eval_scenes: scenes, eval_pope_scenes: popeScenes, kl_answers: answers } = settings;
    expect(lookAfter(settings, 4, false)).to.deep.equal({ scenes: 0, popeScenes, answers });
    expect(lookAfter(settings, 6, false)).to.deep.equal({ scenes, popeScenes, answers: 0 });
    expect(lookAfter(DEFAULT_TRAINING, 7, true)).to.deep.equal({ scenes, popeScenes, answers });
    expect(lookAfter({ ...DEFAULT_TRAINING, eval_scenes: 0 }, 7, true)).to.include({ scenes: 0, answers: 0 });
  });

  it('refuse what cannot be looked at', () => {
    expect(() => withTraining(DEFAULT_TRAINING, { eval_scenes: -1 })).to.throw(
      'eval_scenes is -1; it must be a whole number from 0 to 500.',
    );
    expect(() => withTraining(DEFAULT_TRAINING, { kl_answers: 2.5 })).to.throw(/kl_answers is 2.5/);
  });

  it('travel in a link, where they differ', () => {
    expect(encodeLink(DEFAULT_SETTINGS)).to.not.contain('train.');
    const training = withTraining(DEFAULT_TRAINING, {
      learning_rate: 5e-4,
      target_modules: ['v_proj'],
      early_stopping: true,
    });
    expect(decodeLink(encodeLink({ ...DEFAULT_SETTINGS, training })).training).to.deep.equal(training);
  });
});

describe('ownPrompts', () => {
  const pair = (id: string, prompt = 'What?'): TrainingPair => {
    return { image: { id, blob: new Blob() }, prompt, chosen: 'a', rejected: 'b' };
  };
  const spread = (pairs: TrainingPair[], answers: number) =>
    ownPrompts(pairs, answers)
      .map(({ image, n }) => `${image.id}${n}`)
      .join(' ');

  it('spreads answers over distinct pictures and questions', () => {
    expect(spread([pair('a'), pair('a'), pair('b'), pair('c')], 8)).to.equal('a2 b3 c3');
    expect(spread([pair('a'), pair('b'), pair('c'), pair('d')], 2)).to.equal('a1 c1');
    expect(spread([pair('a'), pair('a', 'Where?')], 2)).to.equal('a1 a1');
    expect(spread([], 4)).to.equal('');
  });
});

describe('stepToForget', () => {
  it('thins evenly and keeps the newest', () => {
    expect(stepToForget([10, 20, 25, 30])).to.equal(25);
    expect(stepToForget([10, 20])).to.equal(10);
  });
});
