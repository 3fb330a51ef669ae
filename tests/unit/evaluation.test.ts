import { expect } from '@esm-bundle/chai';
import type { EvaluateRequest } from '../../src/engine/engine.ts';
import { evaluateF64 } from '../../src/kernels/losses/evaluate.ts';
import { DRAFT } from '../../src/state/evaluation.ts';
import { makeApp, makeAppWithDraft, type TestApp } from '../support/app.ts';
import { fakeLogps } from '../support/fake-engine.ts';
import { heard } from '../support/until.ts';

/** Settles when the live numbers satisfy the condition. */
function evaluated(app: TestApp, condition: () => boolean, what: string): Promise<void> {
  return heard(app.evaluation, condition, what);
}

describe('the live evaluation', () => {
  it('shows the marked answers before they are a pair', async () => {
    const app = await makeAppWithDraft();
    await evaluated(app, () => app.evaluation.draft !== null, 'the draft');
    expect(app.evaluation.ids).to.deep.equal([DRAFT]);
    expect(app.evaluation.draft?.loss).to.be.closeTo(Math.LN2, 1e-12);
    expect(app.evaluation.draft?.margin).to.equal(0);
    expect(app.evaluation.evaluation?.backend).to.equal('wgsl');
    app.dispose();
  });

  it('equals the float64 reference computed from the log-probabilities on the page', async () => {
    const app = await makeAppWithDraft();
    app.intents.setSetting('objective', 'simpo');
    app.intents.addPair();
    await evaluated(app, () => app.evaluation.ids[0]?.startsWith('pair') ?? false, 'the pair');
    const [pair] = app.store.state.pairs;
    const [chosen, rejected] = [fakeLogps(pair.chosen), fakeLogps(pair.rejected)];
    const rows = [
      {
        chosen: chosen.sum,
        rejected: rejected.sum,
        refChosen: chosen.sum,
        refRejected: rejected.sum,
        chosenLength: chosen.length,
        rejectedLength: rejected.length,
      },
    ];
    const expected = evaluateF64({ objective: 'simpo', hyperparameters: {}, rows });
    expect(app.evaluation.of(pair.id)?.loss).to.be.closeTo(expected.batch.loss, 1e-12);
    expect(app.evaluation.evaluation?.batch['rewards/margins']).to.be.closeTo(expected.batch['rewards/margins'], 1e-12);
    expect(app.evaluation.draft).to.equal(null);
    app.dispose();
  });

  it('follows a slider without asking the model again, once per frame', async () => {
    const app = await makeAppWithDraft();
    await evaluated(app, () => app.evaluation.draft !== null, 'the draft');
    const model = () => app.engine.callsOf('logps').length + app.engine.callsOf('pairLogps').length;
    const [before, evaluations] = [model(), app.engine.callsOf('evaluate').length];
    for (let beta = 0.11; beta < 0.3; beta += 0.01) app.intents.setHyperparameter('dpo_sigmoid', 'beta', beta);
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', 0.5);
    const newest = () => app.engine.callsOf('evaluate').at(-1) as EvaluateRequest;
    await evaluated(app, () => newest().hyperparameters.beta === 0.5, 'the newest value');
    expect(model()).to.equal(before);
    expect(app.engine.callsOf('evaluate').length - evaluations).to.be.lessThan(4);
    app.dispose();
  });

  it('gives the reference’s numbers while a busy engine keeps it waiting, then the kernel’s', async () => {
    const app = await makeAppWithDraft();
    await evaluated(app, () => app.evaluation.draft !== null, 'the draft');
    let release = () => {};
    app.engine.before = (method) =>
      method === 'evaluate'
        ? new Promise((resolve) => {
            release = resolve;
          })
        : undefined;
    app.intents.setHyperparameter('dpo_sigmoid', 'beta', 0.7);
    await evaluated(app, () => app.evaluation.evaluation?.backend === 'f64', 'the reference');
    release();
    await evaluated(app, () => app.evaluation.evaluation?.backend === 'wgsl', 'the kernel');
    app.dispose();
  });

  it('works without an engine', async () => {
    const app = await makeAppWithDraft();
    app.engine.setState({ kind: 'unavailable', error: { name: 'NoWebGpuError', message: 'No WebGPU.' } });
    app.intents.setSetting('objective', 'simpo');
    await evaluated(app, () => app.evaluation.evaluation?.backend === 'f64', 'the reference');
    expect(app.evaluation.draft?.loss).to.be.greaterThan(0);
    app.dispose();
  });

  it('is empty without pairs, and ignores ties', async () => {
    const app = await makeAppWithDraft();
    await evaluated(app, () => app.evaluation.draft !== null, 'the draft');
    app.intents.tie();
    await evaluated(app, () => app.evaluation.evaluation === null, 'nothing');
    expect(app.evaluation.ids).to.deep.equal([]);
    expect(app.evaluation.error).to.equal(null);
    app.dispose();
  });

  it('does nothing for an empty page', async () => {
    const app = await makeApp();
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    expect(app.engine.callsOf('evaluate')).to.have.length(0);
    app.dispose();
  });
});
