/** The newest numbers of pairs that a run has seen, until the engine has scored the pairs anew. */
import type { PairRow, StepMetrics } from '../../engine/engine.ts';
import type { AppState, PairRecord } from '../state.ts';
import type { TrackPoint } from './tracks.ts';

interface Seen {
  readonly point: TrackPoint;
  /** The scores the pair had when it was seen: others are newer. */
  readonly scores: PairRecord['scores'];
}

export class SeenPairs {
  #seen = new Map<string, Seen>();

  clear(): void {
    this.#seen.clear();
  }

  /** @param ids of the run's pairs, by their index. */
  saw({ step, pairs = [] }: StepMetrics, ids: readonly string[], state: AppState): void {
    for (const { index, ...numbers } of pairs) {
      const pair = state.pairs.find(({ id }) => id === ids[index]);
      if (pair) this.#seen.set(pair.id, { point: { step, ...numbers }, scores: pair.scores });
    }
  }

  /**
   * The pair's row with the policy's numbers of the step that last saw it, while these are newer than its scores;
   * undefined otherwise.
   */
  row(pair: PairRecord, state: AppState): PairRow | undefined {
    const seen = this.#seen.get(pair.id);
    const stale = state.training.phase === 'idle' && pair.scoredBy?.adapter === state.adapter?.key;
    if (!seen || !pair.scores || seen.scores !== pair.scores || stale) return undefined;
    const { row } = pair.scores;
    const { chosen, rejected, chosenLogRatio, rejectedLogRatio, inputs } = seen.point;
    return {
      ...row,
      ...inputs,
      chosen,
      rejected,
      chosenLogRatio: chosenLogRatio ?? chosen - (row.refChosen ?? chosen),
      rejectedLogRatio: rejectedLogRatio ?? rejected - (row.refRejected ?? rejected),
    };
  }
}
