/** Sampling: answers stream into the table and are scored by CLIP as they finish. */

import type { SampleEvent } from '../../engine/engine.ts';
import { CancelledError } from '../../errors.ts';
import { anySignal } from '../../signals.ts';
import { type Context, newId, notify, sentence, underActivity, updateCandidate } from '../context.ts';
import { settingRefusal } from '../defaults.ts';
import { selectedImageOf } from '../selectors.ts';
import type { AppState, CandidateRecord, ImageRecord, Settings } from '../state.ts';

/** Why nothing else may be sampled. */
export const SAMPLING = 'Sampling… cancel or wait.';

/** Why sampling cannot start now, as a sentence; null when it can. */
export function whyNotSample(state: AppState): string | null {
  if (state.activity?.kind === 'sample') return SAMPLING;
  if (state.training.phase !== 'idle') return 'The model is being trained. Pause the training to sample answers.';
  if (!selectedImageOf(state)) return 'Add or select an image first.';
  if (!state.settings.prompt.trim()) return 'Write a prompt first: the question about the image.';
  // Rows of the table are made before the engine could refuse these two.
  const refused = settingRefusal('n', state.settings.n) ?? settingRefusal('maxTokens', state.settings.maxTokens);
  if (refused) return refused;
  switch (state.engine.kind) {
    case 'ready':
      return null;
    case 'idle':
    case 'loading':
      return 'The models are still loading. Sampling will work as soon as they are ready.';
    case 'restarting':
      return 'The engine is restarting. Sampling will work again in a moment.';
    case 'unavailable':
      return state.engine.error.message;
  }
}

export interface SampleOptions {
  /** Which image; the selected one if not given. It becomes the selected one. */
  readonly imageId?: string;
  /** Settings for this run alone. */
  readonly settings?: Partial<Pick<Settings, 'prompt' | 'n' | 'temperature' | 'topP' | 'maxTokens' | 'seed'>>;
  /** Ends the run as `cancel()` does. */
  readonly signal?: AbortSignal;
  /** Called with each answer as soon as it is finished. */
  readonly onCandidate?: (candidate: CandidateRecord) => void;
  /** Told what ended the run, other than a cancel; the page's notice says the same. */
  readonly onError?: (error: unknown) => void;
}

/** Fresh sampled answers take the place of earlier sampled ones, unless those are marked or were edited. */
function clearTable(state: AppState, image: ImageRecord, prompt: string): AppState {
  return {
    ...state,
    candidates: state.candidates.filter(
      (candidate) =>
        candidate.imageId !== image.id ||
        (candidate.prompt === prompt && (candidate.mark !== undefined || candidate.source !== 'sampled')),
    ),
  };
}

export function samplingIntents(context: Context) {
  const { store, engine, images, history, running, scorer } = context;

  /** Writes one event of the engine down. `ids` are the records of this run, by answer index. */
  const write = (ids: readonly string[], event: SampleEvent): void => {
    store.update((state) =>
      updateCandidate(state, ids[event.index], (now) => {
        if (event.type === 'done') {
          const { text, tokens, logpSum, finish } = event.candidate;
          return { ...now, text, tokens, logpSum, finish, status: text.trim() ? 'scoring' : 'ready' };
        }
        const tokens = [...now.tokens, event.token];
        const text = event.token.special ? now.text : now.text + event.token.text;
        return { ...now, tokens, text, logpSum: now.logpSum + event.token.logp };
      }),
    );
  };

  /** Whatever is still streaming when a run ends keeps its text; answers that never began go. */
  const settle = (ids: readonly string[]): void => {
    const mine = new Set(ids);
    store.update((state) => ({
      ...state,
      candidates: state.candidates.flatMap((candidate) => {
        if (!mine.has(candidate.id) || candidate.status !== 'streaming') return [candidate];
        if (!candidate.text.trim()) return [];
        return [{ ...candidate, status: 'scoring', finish: 'cancelled' } as const];
      }),
    }));
  };

  return {
    /**
     * Samples `settings.n` answers about the selected image. Settles when all are scored, or after a cancel, which
     * keeps the text so far. Problems become notices; nothing is thrown. Returns the ids of the answers.
     */
    async sample(options: SampleOptions = {}): Promise<string[]> {
      const { imageId } = options;
      if (imageId) store.update((state) => ({ ...state, selectedImage: imageId }));
      const settings = { ...store.state.settings, ...options.settings };
      // Another activity may hide a run from the state, but not from here.
      const busy = [...running].some(({ kind }) => kind === 'sample');
      const why = busy ? SAMPLING : whyNotSample({ ...store.state, settings });
      const image = selectedImageOf(store.state);
      if (why || !image) {
        notify(store, 'info', why ?? 'Add or select an image first.');
        return [];
      }
      const { prompt, n, temperature, topP, maxTokens, seed } = settings;
      const fresh = Array.from(
        { length: n },
        (): CandidateRecord => ({
          id: newId('answer'),
          imageId: image.id,
          prompt,
          text: '',
          tokens: [],
          logpSum: 0,
          source: 'sampled',
          status: 'streaming',
        }),
      );
      const ids = fresh.map(({ id }) => id);
      const clears = clearTable(store.state, image, prompt).candidates.length < store.state.candidates.length;
      if (clears) {
        history.record('clear the earlier answers', (state) => clearTable(state, image, prompt));
      }
      store.update((state) => ({ ...state, candidates: [...state.candidates, ...fresh] }));
      const label = n === 1 ? 'Sampling an answer' : `Sampling ${n} answers`;
      try {
        await underActivity(context, { kind: 'sample', label, done: 0, total: n }, async (signal, report) => {
          const request = { image: await images.input(image.id), prompt, n, temperature, topP, maxTokens, seed };
          const either = options.signal ? anySignal([signal, options.signal]) : signal;
          let done = 0;
          for await (const event of engine.sample(request, { signal: either })) {
            write(ids, event);
            if (event.type !== 'done') continue;
            report(++done, n);
            const finished = store.state.candidates.find(({ id }) => id === ids[event.index]);
            if (finished) options.onCandidate?.(finished);
          }
        });
      } catch (error) {
        if (!(error instanceof CancelledError)) {
          const begun = store.state.candidates.some(({ id, text }) => ids.includes(id) && text.trim());
          const kept = begun
            ? ' The answers so far were kept.'
            : clears
              ? ' Undo brings the earlier answers back.'
              : '';
          notify(store, 'error', `Sampling stopped: ${sentence(error)}${kept}`);
          options.onError?.(error);
        }
      } finally {
        settle(ids);
      }
      await scorer.settled(ids);
      return ids;
    },

    /** Ends the newest long work; what is finished stays. */
    cancel(): void {
      const shown = store.state.activity?.kind;
      const entries = [...running].reverse();
      const entry = entries.find(({ kind }) => kind === shown) ?? entries[0];
      entry?.controller.abort();
    },
  };
}
