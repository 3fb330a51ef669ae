import { expect } from '@esm-bundle/chai';
import type { AppState, PairRecord } from '../../src/state/state.ts';
import { SeenPairs } from '../../src/state/training/seen.ts';
import { fakeMetrics } from '../support/fake-training.ts';

describe('pairs that a run has seen', () => {
  const row = { chosen: -4, rejected: -5, refChosen: -4, refRejected: -5, sequenceKlChosen: 0, sequenceKlRejected: 0 };
  const pair = { id: 'a', scores: { row } } as unknown as PairRecord;
  const state = { pairs: [pair], training: { phase: 'training' } } as unknown as AppState;

  it('have the newest numbers, also those that only their objective reads', () => {
    const seen = new SeenPairs();
    expect(seen.row(pair, state)).to.equal(undefined);
    const inputs = { sequenceKlChosen: 0.3, sequenceKlRejected: 0.7 };
    const numbers = { index: 0, loss: 0.6, margin: 0.1, chosen: -3, rejected: -6 };
    seen.saw({ ...fakeMetrics(1), pairs: [{ ...numbers, inputs }] }, ['a'], state);
    expect(seen.row(pair, state)).to.deep.equal({
      ...row,
      ...inputs,
      chosen: -3,
      rejected: -6,
      chosenLogRatio: 1,
      rejectedLogRatio: -1,
    });
    const rescored = { ...pair, scores: { ...pair.scores! } };
    expect(seen.row(rescored, state), 'newer scores').to.equal(undefined);
  });
});
