import { expect } from '@esm-bundle/chai';
import { createConsole } from '../../src/console.ts';
import type { TrainRequest } from '../../src/engine/engine.ts';
import { evaluateF64 } from '../../src/kernels/losses/evaluate.ts';
import { namedAsOnPage, needsScores, POINTS, scoreInputs, scoresOf, trainingInputs } from '../../src/state/scores.ts';
import type { PairRecord } from '../../src/state/state.ts';
import { makeApp, makeAppWithDraft, stateWhere, type TestApp } from '../support/app.ts';
import { fakeClip } from '../support/fake-engine.ts';
import { heard } from '../support/until.ts';

/** Settles when the live numbers satisfy the condition. */
function evaluated(app: TestApp, condition: () => boolean, what: string): Promise<void> {
  return heard(app.evaluation, condition, what);
}

/** An app with a tie, then a pair whose chosen answer is the longer one: the fake CLIP prefers that. */
async function makeAppWithPair(objective: string): Promise<{ app: TestApp; pair: () => PairRecord }> {
  const app = await makeAppWithDraft();
  app.intents.tie();
  const { candidates } = app.store.state;
  const [longer, shorter] = [...candidates].sort((a, b) => (b.clip ?? 0) - (a.clip ?? 0));
  app.intents.markChosen(longer.id);
  app.intents.markRejected(candidates.find(({ clip }) => clip! < longer.clip!)?.id ?? shorter.id);
  const id = app.intents.addPair()!;
  app.intents.setSetting('objective', objective);
  await stateWhere(app, ({ pairs }) => pairs.some((each) => each.id === id && each.scores), 'scores');
  return { app, pair: () => app.store.state.pairs.find((each) => each.id === id)! };
}

describe('scores of pairs', () => {
  it('are CLIP’s in points, unless a person gave others', () => {
    const clip = { chosen: 0.31, rejected: 0.29 };
    expect(scoresOf({})).to.equal(undefined);
    expect(scoresOf({ clip })).to.deep.equal({ chosen: 31, rejected: 0.29 * POINTS });
    expect(scoresOf({ clip, given: { chosen: 1, rejected: 2 } })).to.deep.equal({ chosen: 1, rejected: 2 });
    const { winProbChosen, winProbRejected } = scoreInputs({ clip });
    // CLIP's softmax over two logits that differ by 2.
    expect(winProbChosen).to.be.closeTo(1 / (1 + Math.exp(-2)), 1e-12);
    expect(winProbChosen! + winProbRejected!).to.equal(1);
    expect(scoreInputs({})).to.deep.equal({});
  });

  it('are asked for by the objectives that read them', () => {
    for (const id of ['odpo', 'mm_dpo_paper', 'sppo_soft', 'bradley_terry']) expect(needsScores(id), id).to.equal(true);
    for (const id of ['dpo_sigmoid', 'simpo', 'kto', 'grpo', 'nonsense']) expect(needsScores(id), id).to.equal(false);
    const pair = { given: { chosen: 3, rejected: 1 } } as PairRecord;
    expect(trainingInputs('odpo', pair)).to.deep.equal({ scoreChosen: 3, scoreRejected: 1 });
    expect(Object.keys(trainingInputs('sppo_soft', pair)!)).to.have.members(['winProbChosen', 'winProbRejected']);
    expect(trainingInputs('dpo_sigmoid', pair)).to.equal(undefined);
    expect(trainingInputs('bradley_terry', pair), 'a reward model makes its own').to.equal(undefined);
  });

  for (const objective of ['odpo', 'mm_dpo_paper', 'sppo_soft']) {
    it(`give ${objective} live numbers`, async () => {
      const { app, pair } = await makeAppWithPair(objective);
      await evaluated(app, () => app.evaluation.of(pair().id) !== undefined, 'numbers of the pair');
      const { chosen, rejected } = pair();
      const clip = { chosen: fakeClip(chosen), rejected: fakeClip(rejected) };
      const rows = [{ ...pair().scores!.row, ...scoreInputs({ clip }) }];
      const expected = evaluateF64({ objective, hyperparameters: {}, rows });
      expect(app.evaluation.error).to.equal(null);
      expect(app.evaluation.of(pair().id)!.loss).to.be.closeTo(expected.pairs[0].loss, 1e-12);
      const console = createConsole(app);
      expect((await console.evaluate()).pairs[0].loss).to.be.closeTo(expected.pairs[0].loss, 1e-12);
      expect(console.pairs.list().at(-1)!.row).to.include(scoreInputs({ clip }));
      app.dispose();
    });
  }

  it('can be given by hand, and go with a swap and with the workspace', async () => {
    const { app, pair } = await makeAppWithPair('mm_dpo_paper');
    app.intents.setPairScores(pair().id, { chosen: 9, rejected: 4 });
    await evaluated(app, () => app.evaluation.rows.at(-1)?.scoreChosen === 9, 'the score given by hand');
    app.intents.swapPair(pair().id);
    expect(pair().given).to.deep.equal({ chosen: 4, rejected: 9 });
    const other = await makeApp();
    await other.intents.importWorkspace(await app.intents.exportWorkspace());
    expect(other.store.state.pairs.at(-1)!.given).to.deep.equal({ chosen: 4, rejected: 9 });
    app.intents.setPairScores(pair().id, { chosen: Number.NaN, rejected: 1 });
    expect(pair().given).to.deep.equal({ chosen: 4, rejected: 9 });
    app.intents.setPairScores(pair().id, null);
    expect(scoresOf(pair())!.chosen).to.be.closeTo(POINTS * fakeClip(pair().chosen), 1e-9);
    app.dispose();
    other.dispose();
  });

  it('that contradict the label are refused with the number the pair has on the page', async () => {
    const { app, pair } = await makeAppWithPair('odpo');
    app.intents.setPairScores(pair().id, { chosen: 2, rejected: 2 });
    await evaluated(app, () => app.evaluation.error !== null, 'a refusal');
    // The tie before it makes no row, but it is pair 1 of the page.
    expect(app.evaluation.error).to.match(/^Pair 2: the chosen answer scores 2 and the rejected one 2; ODPO needs/);
    const pairs = app.store.state.pairs;
    expect(namedAsOnPage('Pair 1 lacks it.', ['draft'], pairs)).to.equal('The marked pair lacks it.');
    expect(namedAsOnPage('Pair 7 lacks it.', ['draft'], pairs)).to.equal('Pair 7 lacks it.');
    expect(namedAsOnPage('Pair 1 of 1: no.', [pairs[1].id], pairs)).to.equal(`Pair 2 of ${pairs.length}: no.`);
    app.dispose();
  });

  it('train, and make another run where they differ', async () => {
    const { app, pair } = await makeAppWithPair('odpo');
    app.intents.setTraining({ max_steps: 4, eval_scenes: 0, eval_pope_scenes: 0 });
    await app.intents.trainStep();
    const [first] = app.engine.callsOf('train') as TrainRequest[];
    expect(first.pairs).to.have.length(1);
    expect(first.pairs[0].inputs).to.deep.equal(trainingInputs('odpo', pair()));
    app.intents.setPairScores(pair().id, { chosen: 5, rejected: 1 });
    await app.intents.trainStep();
    const requests = app.engine.callsOf('train') as TrainRequest[];
    expect(requests.at(-1)!.resume).to.equal(undefined);
    expect(requests.at(-1)!.pairs[0].inputs).to.deep.equal({ scoreChosen: 5, scoreRejected: 1 });
    expect(app.store.state.training.runs).to.have.length(2);
    // Another objective has no use for them: it trains on the same pair as ever.
    app.intents.setSetting('objective', 'dpo_sigmoid');
    await app.intents.trainStep();
    expect((app.engine.callsOf('train') as TrainRequest[]).at(-1)!.pairs[0]).not.to.have.property('inputs');
    app.dispose();
  });

  it('are asked of CLIP anew when another CLIP model is at work, the log-probabilities not', async () => {
    const { app, pair } = await makeAppWithPair('odpo');
    const asked = app.engine.callsOf('pairLogps').length;
    app.intents.setSetting('clip', 'clip-vit-base-patch32');
    await stateWhere(app, () => pair().scoredBy?.clip === 'clip-vit-base-patch32', 'scores of the other CLIP');
    expect(app.engine.callsOf('pairLogps')).to.have.length(asked);
    app.dispose();
  });
});
