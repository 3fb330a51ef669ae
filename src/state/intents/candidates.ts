/** Intents on the answers on the table: marks, edits, deletions. */
import { type Context, newId, notify, updateCandidate } from '../context.ts';
import { selectedImageOf } from '../selectors.ts';
import type { AppState, CandidateRecord } from '../state.ts';

type Mark = 'chosen' | 'rejected';

/** Sets a mark. At most one answer per image carries each. */
function withMark(state: AppState, id: string, mark: Mark): AppState {
  const target = state.candidates.find((candidate) => candidate.id === id);
  if (!target || target.mark === mark) return state;
  return {
    ...state,
    candidates: state.candidates.map((candidate) => {
      if (candidate.id === id) return { ...candidate, mark };
      if (candidate.imageId === target.imageId && candidate.mark === mark) return { ...candidate, mark: undefined };
      return candidate;
    }),
  };
}

export function candidateIntents(context: Context) {
  const { store, history, scorer } = context;

  return {
    /** Marks an answer as chosen; an earlier chosen one of the same image loses its mark. */
    markChosen(id: string): void {
      history.record('mark chosen', (state) => withMark(state, id, 'chosen'));
    },

    /** Marks an answer as rejected; an earlier rejected one of the same image loses its mark. */
    markRejected(id: string): void {
      history.record('mark rejected', (state) => withMark(state, id, 'rejected'));
    },

    clearMark(id: string): void {
      history.record('clear mark', (state) =>
        updateCandidate(state, id, (now) => (now.mark ? { ...now, mark: undefined } : now)),
      );
    },

    /** Replaces an answer's text. Its log-probabilities and CLIP score are computed again; the newest edit wins. */
    editCandidate(id: string, text: string): void {
      const known = store.state.candidates.find((candidate) => candidate.id === id);
      if (!known || known.text === text || known.status === 'streaming') return;
      store.update((state) =>
        updateCandidate(state, id, (now) => ({
          ...now,
          text,
          source: now.source === 'written' ? 'written' : 'edited',
          tokens: [],
          logpSum: 0,
          reference: undefined,
          clip: undefined,
          finish: undefined,
          error: undefined,
          status: text.trim() ? 'scoring' : 'ready',
        })),
      );
      scorer.touch(id);
    },

    /** Puts an answer of one's own on the table. Returns its id, or null without an image or text. */
    writeCandidate(text: string): string | null {
      const image = selectedImageOf(store.state);
      if (!image) {
        notify(store, 'info', 'Add or select an image first, then write an answer about it.');
        return null;
      }
      if (!text.trim()) return null;
      const candidate: CandidateRecord = {
        id: newId('answer'),
        imageId: image.id,
        prompt: store.state.settings.prompt,
        text,
        tokens: [],
        logpSum: 0,
        source: 'written',
        status: 'scoring',
      };
      history.record('write answer', (state) => ({ ...state, candidates: [...state.candidates, candidate] }));
      return candidate.id;
    },

    removeCandidate(id: string): void {
      history.record('delete answer', (state) => ({
        ...state,
        candidates: state.candidates.filter((candidate) => candidate.id !== id),
      }));
    },

    /** Scores an answer whose scoring failed. */
    scoreCandidate(id: string): void {
      scorer.again(({ id: own }) => own === id);
    },

    /** Goes to the next image of the list, after the last to the first. */
    next(): void {
      store.update((state) => {
        if (state.images.length === 0) return state;
        const index = state.images.findIndex((image) => image.id === state.selectedImage);
        return { ...state, selectedImage: state.images[(index + 1) % state.images.length].id };
      });
    },
  };
}
