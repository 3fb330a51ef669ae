/** Intents on preference pairs. */
import { checkPairTexts, pairRefusal } from '../../preference/pair-texts.ts';
import { type Context, newId, notify, updatePair } from '../context.ts';
import { swapRow } from '../rows.ts';
import type { AnswerScores } from '../scores.ts';
import { candidatesOnTable, cutWords, draftOf, markedOf } from '../selectors.ts';
import type { AppState, CandidateRecord, PairRecord } from '../state.ts';

/** The pair that two answers make. CLIP scores come along where both are known. */
function pairOf(
  state: AppState,
  chosen: CandidateRecord,
  rejected: CandidateRecord,
  verdict: PairRecord['verdict'],
): PairRecord {
  const clip =
    chosen.clip !== undefined && rejected.clip !== undefined
      ? { chosen: chosen.clip, rejected: rejected.clip }
      : undefined;
  return {
    id: newId('pair'),
    imageId: chosen.imageId,
    prompt: chosen.prompt,
    chosen: chosen.text,
    rejected: rejected.text,
    verdict,
    ...(clip ? { clip, scoredBy: { clip: state.settings.clip } } : {}),
  };
}

/** Appends a pair and takes the marks off the answers it was made of. */
function withPair(state: AppState, pair: PairRecord, from: readonly CandidateRecord[]): AppState {
  const used = new Set(from.map(({ id }) => id));
  return {
    ...state,
    pairs: [...state.pairs, pair],
    selectedPair: pair.id,
    candidates: state.candidates.map((candidate) =>
      used.has(candidate.id) && candidate.mark ? { ...candidate, mark: undefined } : candidate,
    ),
  };
}

export function pairIntents(context: Context) {
  const { store, history, scorer, training } = context;

  const step = (direction: 'undo' | 'redo'): void => {
    const touches = history.touchesTraining(direction);
    if (touches && store.state.training.phase !== 'idle') {
      notify(store, 'info', `Pause the training first: ${direction} would change its runs and the adapter.`);
    } else if (!history[direction]()) {
      notify(store, 'info', `There is nothing to ${direction}.`);
    } else if (touches) {
      void training.sync();
    }
  };

  const rewrite = (label: string, id: string, fn: (pair: PairRecord) => PairRecord): void => {
    history.record(label, (state) => updatePair(state, id, fn));
    scorer.touch(id);
  };

  /** What training will make of answers that did not come to an end. */
  const tellCut = ({ chosen, rejected }: { chosen: CandidateRecord; rejected: CandidateRecord }): void => {
    const cut = [
      ['chosen', cutWords(chosen)],
      ['rejected', cutWords(rejected)],
    ].flatMap(([side, words]) => (words ? [`the ${side} answer was ${words}`] : []));
    if (cut.length === 0) return;
    notify(
      store,
      'info',
      `The pair was added, but ${cut.join(', and ')}. Training puts an end token after its last word, as TRL does, so the model learns to stop there: edit the pair to complete the answer, or sample with more tokens.`,
    );
  };

  return {
    /** Makes a pair of the two marked answers. Returns its id, or null with a notice that says what is missing. */
    addPair(): string | null {
      const { state } = store;
      const draft = draftOf(state);
      if (!draft) {
        const { chosen, rejected } = markedOf(state);
        const missing =
          !chosen && !rejected
            ? 'one answer as chosen and one as rejected'
            : !chosen
              ? 'one answer as chosen'
              : 'one answer as rejected';
        notify(
          store,
          'info',
          chosen && rejected
            ? 'The two marked answers cannot make a pair: both need text, and both must answer the same prompt.'
            : `Mark ${missing}, then add the pair.`,
        );
        return null;
      }
      const pair = pairOf(state, draft.chosen, draft.rejected, 'preferred');
      const why = pairRefusal(pair);
      if (why !== null) {
        notify(store, 'info', why);
        return null;
      }
      history.record('add pair', (now) => withPair(now, pair, [draft.chosen, draft.rejected]));
      tellCut(draft);
      return pair.id;
    },

    /**
     * Records that neither answer is better: of the two marked answers, or of the only two on the table. Ties are kept
     * and exported but take no part in the loss.
     */
    tie(): string | null {
      const { state } = store;
      const draft = draftOf(state);
      const ready = candidatesOnTable(state).filter(({ text, status }) => text.trim() && status !== 'streaming');
      const two = draft ? [draft.chosen, draft.rejected] : ready.length === 2 ? ready : null;
      if (!two || two[0].prompt !== two[1].prompt) {
        notify(store, 'info', 'Mark two answers to the same prompt first; a tie says that neither of them is better.');
        return null;
      }
      const pair = pairOf(state, two[0], two[1], 'tie');
      history.record('add tie', (now) => withPair(now, pair, two));
      return pair.id;
    },

    /** Adds a pair from texts, as the console does. @throws {InputError} for texts that are no preference pair. */
    addPairOf(fields: Pick<PairRecord, 'imageId' | 'prompt' | 'chosen' | 'rejected'>): string {
      checkPairTexts(fields);
      const pair: PairRecord = { id: newId('pair'), verdict: 'preferred', ...fields };
      history.record('add pair', (state) => ({ ...state, pairs: [...state.pairs, pair], selectedPair: pair.id }));
      return pair.id;
    },

    /** Replaces one or both texts; the scores of the old texts go, new ones follow. */
    editPair(id: string, texts: { chosen?: string; rejected?: string }): void {
      const pair = store.state.pairs.find((other) => other.id === id);
      if (!pair) return;
      const { chosen = pair.chosen, rejected = pair.rejected } = texts;
      if (chosen === pair.chosen && rejected === pair.rejected) return;
      const why = pairRefusal({ ...pair, chosen, rejected });
      if (why !== null) {
        notify(store, 'info', `${why} The old text was kept.`);
        return;
      }
      rewrite('edit pair', id, (now) => ({
        ...now,
        chosen,
        rejected,
        scores: undefined,
        clip: undefined,
        scoredBy: undefined,
        error: undefined,
      }));
    },

    /** Chosen becomes rejected and the other way round; scores are exchanged, not computed again. */
    swapPair(id: string): void {
      history.record('swap pair', (state) =>
        updatePair(state, id, (pair) => ({
          ...pair,
          chosen: pair.rejected,
          rejected: pair.chosen,
          clip: pair.clip && { chosen: pair.clip.rejected, rejected: pair.clip.chosen },
          ...(pair.given && { given: { chosen: pair.given.rejected, rejected: pair.given.chosen } }),
          scores: pair.scores && {
            chosen: pair.scores.rejected,
            rejected: pair.scores.chosen,
            row: swapRow(pair.scores.row),
          },
        })),
      );
    },

    /** Gives the answers of a pair scores, in points; null goes back to CLIP's. As with knobs, undo is moving it back. */
    setPairScores(id: string, scores: AnswerScores | null): void {
      if (scores && !(Number.isFinite(scores.chosen) && Number.isFinite(scores.rejected))) return;
      store.update((state) => updatePair(state, id, (pair) => ({ ...pair, given: scores ?? undefined })));
    },

    /** A tie becomes a preference or the other way round. */
    setVerdict(id: string, verdict: PairRecord['verdict']): void {
      const known = store.state.pairs.find((pair) => pair.id === id);
      const why = known && pairRefusal({ ...known, verdict });
      if (why) {
        notify(store, 'info', why);
        return;
      }
      history.record(verdict === 'tie' ? 'make tie' : 'make preference', (state) =>
        updatePair(state, id, (pair) => (pair.verdict === verdict ? pair : { ...pair, verdict })),
      );
    },

    deletePair(id: string): void {
      history.record('delete pair', (state) => {
        const index = state.pairs.findIndex((pair) => pair.id === id);
        if (index < 0) return state;
        const pairs = state.pairs.toSpliced(index, 1);
        const neighbour = pairs[Math.min(index, pairs.length - 1)]?.id ?? null;
        return { ...state, pairs, selectedPair: state.selectedPair === id ? neighbour : state.selectedPair };
      });
    },

    /** Highlights a pair in the list and as a dot on the curve; null for none. */
    selectPair(id: string | null): void {
      store.update((state) => (state.selectedPair === id ? state : { ...state, selectedPair: id }));
    },

    /** Scores a pair whose scoring failed or was cancelled. */
    scorePair(id: string): void {
      scorer.again(({ id: own }) => own === id);
    },

    /** Scores all pairs whose scoring failed or was cancelled. */
    scoreFailedPairs(): void {
      scorer.again(({ error }) => error !== undefined);
    },

    undo: () => step('undo'),

    redo: () => step('redo'),
  };
}
