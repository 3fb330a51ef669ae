import { expect } from '@esm-bundle/chai';
import '../../src/components/objective/margin-objective.ts';
import { referenceIsPolicy, typedFigures } from '../../src/components/objective/figures.ts';
import type { MarginObjective } from '../../src/components/objective/margin-objective.ts';
import {
  curvePoints,
  type Drawable,
  extent,
  isDrawable,
  rangeFor,
  ticks,
  tickText,
} from '../../src/components/objective/plot.ts';
import { pointersOf } from '../../src/components/shared/pointed.ts';
import { evaluateF64, resolveHyperparameters } from '../../src/kernels/losses/evaluate.ts';
import { everyLoss } from '../../src/kernels/losses/families/every.ts';
import { objectives } from '../../src/kernels/losses/index.ts';
import { makeApp, makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { button, deep, deepAll, frames, mount, output, press, settled, type, unmountAll } from '../support/mount.ts';

const draw = async (app: TestApp): Promise<MarginObjective> => {
  const element = await mount<MarginObjective>('margin-objective', { app });
  await frames(element);
  return element;
};

/** The numbers on the page against the f64 reference on the same rows. */
function expectNumbers(element: MarginObjective, app: TestApp): void {
  const { objective } = app.store.state.settings;
  const hyperparameters = app.store.state.settings.hyperparameters[objective] ?? {};
  const { batch } = evaluateF64({ objective, hyperparameters, rows: app.evaluation.rows });
  expect(output(element, 'Loss')).to.equal(batch.loss.toFixed(4));
  for (const [label, key] of [
    ['Reward chosen', 'rewards/chosen'],
    ['Reward rejected', 'rewards/rejected'],
    ['Reward margin', 'rewards/margins'],
    ['Log-probability chosen', 'logps/chosen'],
  ] as const) {
    expect(Number(output(element, label)), label).to.be.closeTo(batch[key], 5.1e-5);
  }
}

const addPairs = async (app: TestApp): Promise<void> => {
  app.intents.addPair();
  const [, , third, fourth] = app.store.state.candidates;
  app.intents.markChosen(fourth.id);
  app.intents.markRejected(third.id);
  app.intents.addPair();
  await stateWhere(app, ({ pairs }) => pairs.length === 2 && pairs.every(({ scores }) => scores), 'two scored pairs');
};

describe('objective panel', () => {
  afterEach(unmountAll);

  it('lists every objective under its family and draws the formula', async () => {
    const app = await makeApp();
    const element = await draw(app);
    expect(deepAll(element, 'option')).to.have.length(everyLoss.length);
    expect(deepAll(element, 'optgroup').length).to.be.greaterThan(8);
    expect(deep(element, '.katex-mathml math')).not.to.equal(null);
    expect(output(element, 'Loss')).to.equal('–');
    await expectAccessible(element);
  });

  it('reads ln 2 and margin 0 for DPO and says why, with a way to others', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    expect(output(element, 'Loss')).to.equal('0.6931');
    expect(output(element, 'Reward margin')).to.equal('0.0000');
    const why = deep(element, '.why');
    expect(why.textContent).to.contain('same weights').and.to.contain('ln 2 = 0.6931');
    button(why, 'SimPO').click();
    await frames(element);
    expect(app.store.state.settings.objective).to.equal('simpo');
    expect(deepAll(element, '.why')).to.have.length(0);
    expectNumbers(element, app);
    await expectAccessible(element);
  });

  it('follows the sliders without asking the model anything', async () => {
    const app = await makeAppWithDraft();
    app.intents.setSetting('objective', 'simpo');
    const element = await draw(app);
    const before = app.engine.calls.filter(({ method }) => method !== 'evaluate').length;
    const line = () => deep(element, 'polyline[data-line="loss"]').getAttribute('points');
    const drawn = line();
    const slider = deep<HTMLInputElement>(element, 'input[type="range"][aria-label="β beta"]');
    type(slider, '5');
    await frames(element);
    expect(app.store.state.settings.hyperparameters.simpo).to.deep.equal({ beta: 5 });
    expect(line()).not.to.equal(drawn);
    expectNumbers(element, app);
    expect(app.engine.calls.filter(({ method }) => method !== 'evaluate')).to.have.length(before);
    button(element, 'Reset hyperparameters').click();
    await frames(element);
    expect(app.store.state.settings.hyperparameters).to.deep.equal({});
    expect(slider.value).to.equal('10');
  });

  it('refuses an impossible value with a sentence and shows the kept one', async () => {
    const app = await makeAppWithDraft();
    const element = await draw(app);
    const field = deep<HTMLInputElement>(element, 'input[aria-label="β beta, value"]');
    type(field, '-1', 'change');
    await settled(element);
    expect(deep(element, '.refused').textContent).to.contain('greater than 0');
    expect(field.value).to.equal('0.5');
  });

  it('draws every pair as a dot and links dot, list and numbers', async () => {
    const app = await makeAppWithDraft();
    app.intents.setSetting('objective', 'simpo');
    await addPairs(app);
    const element = await draw(app);
    await stateWhere(app, () => app.evaluation.ids.length === 2, 'an evaluation of two pairs');
    await frames(element);
    const [first, second] = app.store.state.pairs;
    const dots = deepAll<SVGCircleElement & HTMLElement>(element, '.dot');
    expect(dots).to.have.length(2);
    expectNumbers(element, app);
    dots[0].dispatchEvent(new PointerEvent('pointerenter'));
    await settled(element);
    expect(pointersOf(app).pair.id).to.equal(first.id);
    expect(deep(element, '[role="region"][aria-label="Pair 1"]').textContent).to.contain('logps');
    pointersOf(app).pair.id = second.id;
    await settled(element);
    expect(dots[1].classList.contains('pointed')).to.equal(true);
    dots[0].dispatchEvent(new MouseEvent('click'));
    expect(app.store.state.selectedPair).to.equal(first.id);
    await settled(element);
    dots[0].focus();
    press('ArrowRight', dots[0]);
    expect(deep(element, 'margin-curve').shadowRoot!.activeElement).to.equal(dots[1]);
    press('Enter', dots[1]);
    expect(app.store.state.selectedPair).to.equal(second.id);
    await expectAccessible(element);
  });

  it('computes typed-in log-probabilities in float64', async () => {
    const app = await makeApp();
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', 0.1);
    const element = await draw(app);
    button(element, 'Type numbers').click();
    await frames(element);
    // The worked example of the DPO page: loss 0.598138869, rewards 0.1 and -0.1.
    expect(output(element, 'Loss')).to.equal('0.5981');
    expect(output(element, 'Reward chosen')).to.equal('0.1000');
    expect(output(element, 'Reward rejected')).to.equal('-0.1000');
    expect(output(element, 'Reward margin')).to.equal('0.2000');
    expect(element.shadowRoot!.textContent).not.to.contain('same weights');
    type(deep<HTMLInputElement>(element, 'input[aria-label="logps/chosen, pair 1"]'), '-23');
    await frames(element);
    expect(output(element, 'Loss')).to.equal(Math.log1p(Math.exp(0.3)).toFixed(4));
    type(deep<HTMLInputElement>(element, 'input[aria-label="ref_logps/chosen, pair 1"]'), '');
    await frames(element);
    expect(output(element, 'Loss')).to.equal('–');
    expect(deep(element, 'margin-live-loss').shadowRoot!.textContent).to.contain('lacks');
    await expectAccessible(element);
    button(element, 'Remove typed pair 1').click();
    await settled(element);
    button(element, 'Pair').click();
    await frames(element);
    expect(output(element, 'Loss')).to.equal('0.5981');
  });

  it('opens with the table where there is no engine', async () => {
    const app = await makeApp({ ready: false });
    app.engine.setState({ kind: 'unavailable', error: { name: 'NoWebGpuError', message: 'No adapter.' } });
    await settled(await mount<MarginObjective>('margin-objective', { app }));
    const element = await draw(app);
    expect(deep(element, 'margin-typed-rows')).not.to.equal(null);
    expect(output(element, 'Loss')).to.equal('0.3133');
  });
});

describe('every objective on the panel', () => {
  afterEach(unmountAll);

  for (const { id } of objectives) {
    it(`draws ${id}`, async () => {
      const app = await makeApp();
      app.intents.setSetting('objective', id);
      const element = await draw(app);
      button(element, 'Type numbers').click();
      await frames(element);
      expect(Number(output(element, 'Loss')), output(element, 'Loss')).to.be.a('number').and.not.NaN;
      expect(deepAll(element, '.katex-error')).to.have.length(0);
      expect(deepAll(element, 'input[type="range"]')).to.have.length(deepAll(element, '.knobs .name').length);
      expect(deepAll(element, 'polyline')).to.have.length(deepAll(element, 'margin-curve').length * 3);
    });
  }
});

describe('losses of other families on the panel', () => {
  afterEach(unmountAll);

  for (const { kind, loss } of everyLoss.filter((each) => each.kind !== 'pairwise')) {
    it(`draws ${loss.id}`, async () => {
      const app = await makeAppWithDraft();
      app.intents.addPair();
      await stateWhere(app, ({ pairs }) => pairs.every(({ scores }) => scores), 'a scored pair');
      const element = await draw(app);
      const picker = deep<HTMLSelectElement>(element, 'select[aria-label="Objective"]');
      type(picker, loss.id, 'change');
      await frames(element);
      expect(app.store.state.settings.objective).to.equal(loss.id);
      expect(deepAll(element, '.katex-error')).to.have.length(0);
      const lines = deepAll<SVGPolylineElement & HTMLElement>(deep(element, 'margin-answer'), 'polyline');
      expect(lines).to.have.length(2);
      for (const line of lines) expect(line.getAttribute('points')!.split(' ').length).to.be.greaterThan(100);
      if (loss.id === 'kto') expect(output(element, 'Loss')).to.equal('0.5000');
      if (kind === 'unpaired') expect(deep(element, '[data-dots]').getAttribute('data-dots')).to.equal('2');
      const [knob] = loss.hyperparameters;
      if (knob) {
        type(
          deep<HTMLInputElement>(element, `input[type="range"][aria-label="${knob.symbol} ${knob.word}"]`),
          String(knob.max),
        );
        expect(app.store.state.settings.hyperparameters[loss.id]).to.deep.equal({ [knob.key]: knob.max });
      }
      if (loss.id === 'grpo') await expectAccessible(element);
    });
  }
});

describe('plot arithmetic', () => {
  const dpo = objectives.find(({ id }) => id === 'dpo_sigmoid') as Drawable;

  it('chooses a range that holds the bend and every dot', () => {
    expect(rangeFor(dpo, { beta: 0.1 }, [])).to.be.within(10, 50);
    expect(rangeFor(dpo, { beta: 0.1 }, [-180])).to.equal(200);
    expect(rangeFor(dpo, { beta: 1 }, [])).to.be.lessThan(rangeFor(dpo, { beta: 0.1 }, []));
  });

  it('samples what the objective says, over the whole axis', () => {
    const points = curvePoints(dpo, { beta: 0.1 }, 20, undefined, 5);
    expect(points.map(({ margin }) => margin)).to.deep.equal([-20, -10, 0, 10, 20]);
    expect(points[2].loss).to.be.closeTo(Math.LN2, 1e-12);
    expect(points[2].chosen).to.be.closeTo(-0.05, 1e-12);
  });

  it('gives finite points for every objective that has a curve', () => {
    for (const objective of objectives.filter(isDrawable)) {
      const values = resolveHyperparameters(objective, {});
      const points = curvePoints(objective, values, rangeFor(objective, values, []));
      expect(points.length, objective.id).to.be.greaterThan(80);
    }
  });

  it('places ticks on round numbers', () => {
    expect(ticks(-50, 50, 5)).to.deep.equal([-40, -20, 0, 20, 40]);
    expect(ticks(0, 1.05, 4).map((value) => tickText(value, 0.5))).to.deep.equal(['0.0', '0.5', '1.0']);
    expect(tickText(-0.0001, 1)).to.equal('0');
    expect(tickText(-2, 1)).to.equal('−2');
    expect(extent([1, 3], [0])).to.deep.equal([0, 3.18]);
  });
});

describe('figures', () => {
  const row = { chosen: -3, rejected: -4, refChosen: -3, refRejected: -4 };
  const dpo = objectives.find(({ id }) => id === 'dpo_sigmoid')!;

  it('knows when the reference is the policy', () => {
    expect(referenceIsPolicy(dpo.needs, [row])).to.equal(true);
    expect(referenceIsPolicy(dpo.needs, [row, { ...row, refChosen: -3.5 }])).to.equal(false);
    expect(referenceIsPolicy(dpo.needs, [])).to.equal(false);
    expect(referenceIsPolicy(objectives.find(({ id }) => id === 'simpo')!.needs, [row])).to.equal(false);
  });

  it('turns an unusable row into a sentence', () => {
    expect(typedFigures([row], 'dpo_sigmoid', {}).evaluation?.batch.loss).to.be.closeTo(Math.LN2, 1e-12);
    expect(typedFigures([{ chosen: -1, rejected: -2 }], 'dpo_sigmoid', {}).error).to.contain('lacks');
    expect(typedFigures([], 'dpo_sigmoid', {})).to.include({ evaluation: null, error: null });
  });
});
