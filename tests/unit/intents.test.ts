import { expect } from '@esm-bundle/chai';
import { makeAppWithDraft, stateWhere } from '../support/app.ts';

describe('intents: the main job', () => {
  it('goes from a picture to a scored pair', async () => {
    const app = await makeAppWithDraft();
    const { candidates } = app.store.state;
    expect(candidates).to.have.length(4);
    expect(candidates.every(({ status, clip }) => status === 'ready' && clip !== undefined)).to.equal(true);
    const id = app.intents.addPair();
    expect(id).to.be.a('string');
    await stateWhere(app, (state) => state.pairs[0]?.scores !== undefined, 'scores of the pair');
    app.dispose();
  });
});
