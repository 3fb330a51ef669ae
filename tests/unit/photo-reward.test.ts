import { expect } from '@esm-bundle/chai';
import type { TrainRequest } from '../../src/engine/engine.ts';
import { makeApp, plainPicture, stateWhere } from '../support/app.ts';
import { notices, runOf } from '../support/trainable.ts';

const CAT = [
  { noun: 'cat', chance: 0.9, boxes: [{ x1: 0, y1: 0, x2: 1, y2: 1, score: 0.9 }] },
  { noun: 'cup', chance: 0.5, boxes: [] },
];

/** An app with two photographs, which sees nothing by itself: whoever wants a truth must let the detector look. */
async function unseen() {
  const app = await makeApp();
  app.engine.before = (method) => {
    if (method === 'look') throw new Error('The detector is not there yet.');
  };
  await app.intents.addImages([await plainPicture(), await plainPicture([0, 0, 250], 'blue.png')]);
  await stateWhere(app, () => app.engine.callsOf('look').length >= 4, 'given up');
  app.engine.before = () => {};
  app.engine.sees = CAT;
  app.engine.calls = [];
  app.intents.setSetting('objective', 'grpo');
  app.intents.setTraining({ max_steps: 2, eval_scenes: 0, kl_answers: 0 });
  return app;
}

describe('the reward truth, on photographs', () => {
  it('lets the detector look first at what nobody has looked at, and trains by what it saw', async () => {
    const app = await unseen();
    app.intents.setTraining({ reward: 'truth' });
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 2 });
    expect(app.engine.callsOf('look')).to.have.length(2);
    const [request] = app.engine.callsOf('train') as TrainRequest[];
    const truth = { by: 'detector', objects: ['cat'], doubtful: ['cup'] };
    expect(request.prompts!.map((prompt) => prompt.truth)).to.deep.equal([truth, truth]);
    expect(app.store.state.images.every(({ seen }) => seen?.things === CAT)).to.equal(true);
    app.dispose();
  });

  it('looks at nothing for CLIP’s reward', async () => {
    const app = await unseen();
    await app.intents.train();
    expect(runOf(app)).to.include({ status: 'finished', step: 2 });
    expect(app.engine.callsOf('look')).to.deep.equal([]);
    app.dispose();
  });

  it('goes on with a paused run although the truth was not known when it began', async () => {
    const app = await unseen();
    app.intents.setTraining({ reward: 'truth', max_steps: 3 });
    await app.intents.trainStep();
    const { id } = runOf(app);
    await app.intents.train();
    expect(runOf(app)).to.include({ id, status: 'finished', step: 3 });
    app.dispose();
  });

  it('says which picture could not be looked at, and starts nothing', async () => {
    const app = await unseen();
    app.intents.setTraining({ reward: 'truth' });
    app.engine.before = (method) => {
      if (method === 'look') throw new Error('photo-detector/detector.onnx is missing.');
    };
    await app.intents.train();
    expect(notices(app)).to.contain('photo-detector/detector.onnx is missing.');
    expect(app.engine.callsOf('train')).to.deep.equal([]);
    app.dispose();
  });
});
