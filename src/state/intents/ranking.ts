/** Intents that let CLIP judge: marks on the table, and pairs of every picture at once. */
import { CancelledError } from '../../errors.ts';
import { balancedPairs, CLIP_PAIRS } from '../../preference/balanced-pairs.ts';
import {
  CLIP_CANDIDATES,
  type ClipPair,
  clipPairs,
  sampleClipPairs,
  wholeAnswers,
} from '../../preference/clip-pairs.ts';
import { anySignal } from '../../signals.ts';
import { type Context, count, newId, notify, sentence, underActivity } from '../context.ts';
import { candidatesOnTable } from '../selectors.ts';
import type { AppState, PairRecord, Settings } from '../state.ts';
import { SAMPLING, whyNotSample } from './sampling.ts';

export interface PairByClipOptions {
  /** Which images; all of them if not given. */
  readonly imageIds?: readonly string[];
  /** Settings for this run alone; `n` is `CLIP_CANDIDATES` if not given. */
  readonly settings?: Partial<Pick<Settings, 'prompt' | 'n' | 'temperature' | 'topP' | 'maxTokens' | 'seed'>>;
  /** Pairs to keep, chosen by `balancedPairs`; `CLIP_PAIRS` if not given. */
  readonly keep?: number;
  /** Ends the run as `cancel()` does. */
  readonly signal?: AbortSignal;
  /** Called with each pair that was kept. */
  readonly onPair?: (pair: PairRecord) => void;
  /** Told what ended the run, other than a cancel; the page's notice says the same. */
  readonly onError?: (error: unknown) => void;
}

/** Why CLIP cannot make pairs of the pictures now, as a sentence; null when it can. */
export function whyNotPairByClip(state: AppState): string | null {
  if (state.images.length === 0) return 'Add images first.';
  return whyNotSample({ ...state, selectedImage: state.selectedImage ?? state.images[0].id });
}

export function rankingIntents(context: Context) {
  const { store, engine, images, history, running } = context;

  const recordOf = (imageId: string, prompt: string, { chosen, rejected }: ClipPair): PairRecord => ({
    id: newId('pair'),
    imageId,
    prompt,
    chosen: chosen.text,
    rejected: rejected.text,
    verdict: 'preferred',
    clip: { chosen: chosen.clip, rejected: rejected.clip },
    scoredBy: { clip: store.state.settings.clip },
  });

  return {
    /** Marks the two answers that make the best pair by CLIP: see `wholeAnswers` and `clipPairs`. */
    rankByClip(): void {
      const scored = candidatesOnTable(store.state).filter(
        ({ clip, status }) => clip !== undefined && status === 'ready',
      );
      const prompt = scored.at(-1)?.prompt;
      const asked = scored.filter((candidate) => candidate.prompt === prompt);
      const comparable = wholeAnswers(asked).flatMap(({ id, imageId, text, clip }) =>
        clip === undefined ? [] : [{ id, imageId, text, clip }],
      );
      const [pair] = clipPairs(comparable);
      if (!pair) {
        const cut = asked.filter(({ finish }) => finish !== 'stop').length;
        const why = cut > 0 ? ` ${count(cut, 'answer')} did not come to an end: raise "Max tokens", or edit them.` : '';
        notify(
          store,
          'info',
          `CLIP can mark two different, whole answers to the same prompt with different scores.${why}`,
        );
        return;
      }
      const { chosen, rejected } = pair;
      history.record('rank by CLIP', (state) => ({
        ...state,
        candidates: state.candidates.map((candidate) => {
          if (candidate.imageId !== chosen.imageId) return candidate;
          const mark = candidate.id === chosen.id ? 'chosen' : candidate.id === rejected.id ? 'rejected' : undefined;
          return candidate.mark === mark ? candidate : { ...candidate, mark };
        }),
      }));
    },

    /**
     * Samples answers about each image, lets CLIP make pairs of them, and adds the best mixture of these, at most one of
     * an image, as one action. Settles at the end or after a cancel, which keeps what there is. Problems become notices; nothing is
     * thrown. Returns the pairs' ids.
     */
    async pairByClip(options: PairByClipOptions = {}): Promise<string[]> {
      const settings = { ...store.state.settings, n: CLIP_CANDIDATES, ...options.settings };
      const why = [...running].some(({ kind }) => kind === 'sample')
        ? SAMPLING
        : whyNotPairByClip({ ...store.state, settings });
      if (why) {
        notify(store, 'info', why);
        return [];
      }
      const imageIds = options.imageIds ?? store.state.images.map(({ id }) => id);
      const { prompt, n, temperature, topP, maxTokens, seed } = settings;
      const found: { readonly imageId: string; readonly pairs: readonly ClipPair[] }[] = [];
      let without = 0;
      const activity = { kind: 'sample', label: 'Pairs by CLIP', done: 0, total: imageIds.length } as const;
      try {
        await underActivity(context, activity, async (signal, report) => {
          const either = options.signal ? anySignal([signal, options.signal]) : signal;
          for (const [index, imageId] of imageIds.entries()) {
            const request = { image: await images.input(imageId), prompt, n, temperature, topP, maxTokens, seed };
            const pairs = await sampleClipPairs(engine, request, { signal: either });
            if (pairs.length > 0) found.push({ imageId, pairs });
            else without += 1;
            report(index + 1, imageIds.length);
          }
        });
      } catch (error) {
        if (!(error instanceof CancelledError)) {
          notify(store, 'error', `CLIP stopped making pairs: ${sentence(error)} The pairs so far were kept.`);
          options.onError?.(error);
        }
      }
      const kept = balancedPairs(found, options.keep ?? CLIP_PAIRS);
      const pairs = kept.map(({ imageId, pair }) => recordOf(imageId, prompt, pair));
      if (pairs.length > 0) {
        history.record('add pairs by CLIP', (state) => ({
          ...state,
          pairs: [...state.pairs, ...pairs],
          selectedPair: pairs[0].id,
        }));
      }
      for (const pair of pairs) options.onPair?.(pair);
      if (without > 0) {
        const which = without === 1 ? 'One image gave no pair: its' : `${without} images gave no pair: their`;
        notify(store, 'info', `${which} answers were equal to CLIP, or cut off by "Max tokens".`);
      }
      return pairs.map(({ id }) => id);
    },
  };
}
