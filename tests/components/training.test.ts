import { expect } from '@esm-bundle/chai';
import { type ChartLine, type MarginChart, pointsOf } from '../../src/components/training/margin-chart.ts';
import { phaseMeans } from '../../src/components/training/margin-train-phases.ts';
import '../../src/components/training/margin-training.ts';
import { differenceTint } from '../../src/components/theme.ts';
import type { MarginTraining } from '../../src/components/training/margin-training.ts';
import type { StepMetrics } from '../../src/engine/engine.ts';
import { MetricsLog } from '../../src/state/training/metrics.ts';
import { defaultTraining } from '../../src/state/training/settings.ts';
import { makeApp, makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { expectAccessible } from '../support/axe.ts';
import { FAKE_FACTS } from '../support/fake-engine.ts';
import { fakeMetrics } from '../support/fake-training.ts';
import { button, deep, deepAll, frames, mount, settled, type, unmountAll } from '../support/mount.ts';

const textOf = (element: Element, selector: string): string =>
  deepAll(element, selector)
    .map((each) => each.textContent!.replace(/\s+/g, ' ').trim())
    .join(' | ');

describe('margin-training', () => {
  let app: TestApp;
  afterEach(() => {
    unmountAll();
    app?.dispose();
  });

  async function draw(pairs = 1): Promise<MarginTraining> {
    app = pairs > 0 ? await makeAppWithDraft() : await makeApp();
    if (pairs > 0) app.intents.addPair();
    app.intents.setTraining({ max_steps: 6, eval_scenes: 0, eval_pope_scenes: 0 });
    return mount<MarginTraining>('margin-training', { app });
  }

  it('teaches what training does, and says what is missing', async () => {
    const element = await draw(0);
    expect(textOf(element, '.empty')).to.contain('LoRA adapter');
    expect(textOf(element, '.status')).to.contain('no pairs to learn from yet');
    expect(button(element, 'Step').disabled).to.equal(true);
    button(element, 'Train').click();
    await settled(element);
    expect(app.store.state.notices[0].message).to.contain('Add pair');
    await expectAccessible(element);
  });

  it('trains: steps, time, curves with TRL’s names; pauses and goes on', async () => {
    const element = await draw();
    let release = () => {};
    let step = 0;
    app.engine.before = async (method) => {
      if (method === 'train' && ++step === 4) await new Promise<void>((resolve) => (release = resolve));
    };
    button(element, 'Train').click();
    await stateWhere(app, ({ training }) => training.phase === 'training', 'the first step');
    await frames(element, 4);
    expect(textOf(element, '.status'))
      .to.match(/step 3 \/ 6/)
      .and.to.contain('100 tokens/s')
      .and.to.contain('left');
    const headings = deepAll<MarginChart>(element, 'margin-chart').map(({ heading }) => heading);
    expect(headings).to.deep.equal(['loss', 'rewards/margins', 'rewards', 'logps', 'rewards/accuracies', 'grad_norm']);
    const drawn = deepAll(element, 'polyline').map((line) => line.getAttribute('data-line'));
    expect(drawn).to.include.members(['loss', 'rewards/chosen', 'rewards/rejected', 'logps/chosen', 'logps/rejected']);
    await expectAccessible(element);
    button(element, 'Pause').click();
    release();
    await stateWhere(app, ({ training }) => training.phase === 'idle', 'the pause');
    await settled(element);
    expect(textOf(element, '.status')).to.contain('paused at step 3 of 6');
    button(element, 'Step').click();
    await stateWhere(app, ({ training }) => training.runs[0].step === 4 && training.phase === 'idle', 'one step');
    await settled(element);
    expect([...deep<HTMLSelectElement>(element, 'select[aria-label="Rewind to step"]').options].length).to.be.above(1);
  });

  it('compares runs on the same axes, named by what differs', async () => {
    const element = await draw();
    await app.intents.train();
    app.intents.setTraining({ learning_rate: 1e-3 });
    await app.intents.train();
    await frames(element, 4);
    const loss = deepAll<MarginChart>(element, 'margin-chart')[0];
    expect(loss.lines.map(({ run, present }) => [run, present])).to.deep.equal([
      [1, false],
      [2, true],
    ]);
    button(element, 'Runs 2').click();
    await settled(element);
    expect(textOf(element, 'tbody tr'))
      .to.contain(`lr ${defaultTraining('dpo_sigmoid').learning_rate}`)
      .and.to.contain('lr 0.001');
    await expectAccessible(element);
    button(element, 'Delete run 1').click();
    await settled(element);
    expect(app.store.state.training.runs).to.have.length(1);
  });

  it('answers “why did the chosen reward fall too?” and points to what counters it', async () => {
    const element = await draw();
    await app.intents.train();
    const log = app.training.log(app.training.run!.id);
    log.truncate(0);
    const falling = (step: number): StepMetrics => ({
      ...fakeMetrics(step),
      'log_ratios/chosen': -0.1 * step,
      'log_ratios/rejected': -0.4 * step,
    });
    for (let step = 1; step <= 6; step++) log.append(falling(step));
    deep<MarginTraining>(element, 'margin-train-curves').requestUpdate();
    await settled(element);
    expect(textOf(element, '[data-said="displacement"]')).to.contain('Why did the chosen reward fall too?');
    expect(textOf(element, '[data-said="displacement"] .chosen')).to.equal('chosen -0.60');
    await expectAccessible(element);
    const page = deepAll<HTMLAnchorElement>(element, 'a').find((link) => link.ariaLabel === 'Page of SimPO')!;
    expect(page.getAttribute('href')).to.equal('#gallery=simpo');
    page.click();
    expect(app.store.state.view).to.include({ overlay: 'gallery', loss: 'simpo' });
    expect(app.store.state.settings.objective, 'only looked at').to.equal('dpo_sigmoid');
    button(element, 'SimPO').click();
    expect(app.store.state.settings.objective).to.equal('simpo');
  });

  it('sets every setting by keyboard-reachable fields; refuses with a reason', async () => {
    const element = await draw();
    button(element, 'Settings').click();
    await settled(element);
    await expectAccessible(element);
    type(deep<HTMLInputElement>(element, 'input[name="learning_rate"]'), '0.0005', 'change');
    expect(app.store.state.settings.training.learning_rate).to.equal(0.0005);
    const batch = deep<HTMLInputElement>(element, 'input[name="per_device_train_batch_size"]');
    type(batch, '0', 'change');
    await settled(element);
    expect(textOf(element, '[role="alert"]')).to.contain('per_device_train_batch_size is 0');
    expect(batch.value).to.equal(String(app.store.state.settings.training.per_device_train_batch_size));
    const [query] = deepAll<HTMLInputElement>(element, 'input[type=checkbox]');
    query.click();
    expect(app.store.state.settings.training.target_modules).to.not.include('q_proj');
    button(element, 'Defaults').click();
    await settled(element);
    expect(app.store.state.settings.training.target_modules).to.include('q_proj');
  });

  it('shows before and after with the tokens that changed, and the held-out rates', async () => {
    const element = await draw();
    app.intents.setTraining({ eval_scenes: 2, eval_pope_scenes: 1 });
    app.engine.answers = ['No, a cat.'];
    await app.intents.train();
    button(element, 'Before / after').click();
    await settled(element);
    button(element, 'Compare before / after').click();
    await stateWhere(app, ({ training }) => training.comparison?.status === 'done', 'both answers');
    await settled(element);
    expect(deep(element, '.answer margin-tokens').shadowRoot!.textContent).to.contain(app.engine.answers[0]);
    await expectAccessible(element);
    button(element, 'Held-out').click();
    await settled(element);
    expect(textOf(element, '.big')).to.match(/Hallucinated mentions: .* → /);
    const pope =
      'POPE accuracy: random 50 % → 50 %, popular 50 % → 50 %, adversarial 50 % → 50 % (questions about 1 scene)';
    expect(textOf(element, '.words')).to.contain(pope);
    const chart = deepAll<MarginChart>(element, 'margin-chart').find(({ heading }) => heading === 'POPE accuracy, %')!;
    expect(chart.lines.map(({ name, dashes }) => [name, dashes])).to.deep.equal([
      ['random', undefined],
      ['popular', '7 4'],
      ['adversarial', '2 4'],
    ]);
    await expectAccessible(element);
  });

  it('draws the KL on own samples, and times the phases when asked', async () => {
    const element = await draw();
    app.intents.setTraining({ kl_steps: 2, phase_times: true });
    await app.intents.train();
    await frames(element, 4);
    const kl = deepAll<MarginChart>(element, 'margin-chart').find(({ heading }) => heading === 'KL (own samples)')!;
    expect(Array.from(kl.lines[0].xs)).to.deep.equal([0, 2, 4, 6]);
    expect(kl.lines[0].ys[3]).to.be.closeTo(0.12, 1e-12);
    const phases = deep(element, 'margin-train-phases');
    expect(phases.shadowRoot!.textContent!.replace(/\s+/g, ' ')).to.contain(
      'GPU ms per step forward 4.0 loss 0.5 backward 11 optimizer 1.0',
    );
    await expectAccessible(element);
    app.engine.setState({
      kind: 'ready',
      facts: { ...FAKE_FACTS, device: { ...FAKE_FACTS.device, features: [] } },
    });
    await settled(element);
    expect(phases.shadowRoot!.textContent).to.contain('not available on this adapter');
  });

  it('offers export only with an adapter', async () => {
    const element = await draw();
    expect(button(element, 'Export adapter').disabled).to.equal(true);
    await app.intents.train();
    await settled(element);
    expect(button(element, 'Export adapter').disabled).to.equal(false);
    button(element, 'Reset').click();
    await stateWhere(app, ({ adapter }) => adapter === null, 'the reset');
    await settled(element);
    expect(button(element, 'Export adapter').disabled).to.equal(true);
    expect(button(element, 'Pause').disabled).to.equal(true);
  });
});

describe('margin-chart', () => {
  afterEach(unmountAll);

  it('has no axis beyond the greatest value there can be', async () => {
    const chart = await mount<MarginChart>('margin-chart', {
      lines: [{ name: 'cover', tone: 'plain', xs: [0, 1], ys: [90, 100], run: 1, present: true }],
      most: 100,
    });
    const lineAt = () => deep(chart, 'polyline').getAttribute('points')!.split(' ')[1].split(',')[1];
    const bounded = lineAt();
    chart.most = Number.POSITIVE_INFINITY;
    await chart.updateComplete;
    expect(Number(lineAt())).to.be.greaterThan(Number(bounded));
  });
});

describe('chart arithmetic', () => {
  it('leaves out what is not finite and thins long runs, ends included', () => {
    const line: Pick<ChartLine, 'xs' | 'ys'> = { xs: [1, 2, 3], ys: [1, Number.NaN, 3] };
    expect(pointsOf(line)).to.deep.equal([
      [1, 1],
      [3, 3],
    ]);
    const xs = Float64Array.from({ length: 1000 }, (_, i) => i);
    const points = pointsOf({ xs, ys: xs }, 100);
    expect([points.length, points[0][0], points.at(-1)![0]]).to.deep.equal([100, 0, 999]);
  });

  it('averages the phases over the steps that were measured', () => {
    const log = new MetricsLog();
    log.append(fakeMetrics(1));
    log.append({ ...fakeMetrics(2), 'gpu_ms/reference': 30, 'gpu_ms/forward': 4 });
    log.append({ ...fakeMetrics(3), 'gpu_ms/forward': 6 });
    expect(phaseMeans(log).map(({ phase, ms }) => [phase, ms])).to.deep.equal([
      ['reference', 15],
      ['forward', 5],
    ]);
    for (let step = 4; step <= 13; step++) log.append({ ...fakeMetrics(step), 'gpu_ms/forward': 5 });
    expect(phaseMeans(log).map(({ phase, ms }) => [phase, ms])).to.deep.equal([['forward', 5]]);
  });

  it('tints a token by which model finds it likelier', () => {
    expect(differenceTint(-1, -3)).to.contain('--m-chosen');
    expect(differenceTint(-3, -1)).to.contain('--m-rejected').and.to.contain('55.0%');
  });
});
