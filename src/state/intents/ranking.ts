/** Intents that let a judge decide: marks on the table, and pairs of every picture at once. */
import { CancelledError, InputError } from '../../errors.ts';
import type { Seen } from '../../photographs/index.ts';
import { balancedPairs, PAIRS_KEPT } from '../../preference/balanced-pairs.ts';
import {
  type JudgedPair,
  judgedPairs,
  PAIR_CANDIDATES,
  sampleJudgedPairs,
  wholeAnswers,
} from '../../preference/judged-pairs.ts';
import { JUDGES, type JudgeId, judgeName } from '../../preference/judges.ts';
import { truthOf } from '../../preference/truth.ts';
import { anySignal } from '../../signals.ts';
import { type Context, count, newId, notify, sentence, underActivity } from '../context.ts';
import { candidatesOnTable, selectedImageOf } from '../selectors.ts';
import type { AppState, CandidateRecord, PairRecord, Settings } from '../state.ts';
import { SAMPLING, whyNotSample } from './sampling.ts';

export interface PairByOptions {
  /** Which images; all of them if not given. */
  readonly imageIds?: readonly string[];
  /** Settings for this run alone; `n` is `PAIR_CANDIDATES` if not given. */
  readonly settings?: Partial<Pick<Settings, 'prompt' | 'n' | 'temperature' | 'topP' | 'maxTokens' | 'seed'>>;
  /** Pairs to keep, chosen by `balancedPairs`; `PAIRS_KEPT` if not given. */
  readonly keep?: number;
  /** Ends the run as `cancel()` does. */
  readonly signal?: AbortSignal;
  /** Called with each pair that was kept. */
  readonly onPair?: (pair: PairRecord) => void;
  /** Told what ended the run, other than a cancel; the page's notice says the same. */
  readonly onError?: (error: unknown) => void;
}

/** Why no judge can make pairs of the pictures now, as a sentence; null when one can. */
export function whyNotPairBy(state: AppState): string | null {
  if (state.images.length === 0) return 'Add images first.';
  return whyNotSample({ ...state, selectedImage: state.selectedImage ?? state.images[0].id });
}

/** Why a judge cannot mark the answers on the table now, as a sentence; null when it can try. */
export function whyNotRankBy(id: JudgeId, state: AppState): string | null {
  const table = candidatesOnTable(state);
  const judge = JUDGES[id];
  if (!judge.asksTruth) {
    const scored = table.filter((candidate) => judge.known(candidate, undefined) !== undefined);
    return scored.length < 2 ? `Two answers with scores by ${judge.name.detector} are needed.` : null;
  }
  if (table.filter(({ status }) => status === 'ready').length < 2) return 'Two finished answers are needed.';
  const known = truthOf(selectedImageOf(state)) !== undefined;
  if (!known && state.training.phase !== 'idle')
    return 'The model is being trained. The detector looks when it pauses.';
  const looks = known || state.engine.kind === 'ready';
  return looks ? null : 'The detector has not looked yet. It can as soon as the models are ready.';
}

export function rankingIntents(context: Context) {
  const { store, engine, images, history, running, sights } = context;

  const recordOf = (
    id: JudgeId,
    clip: string,
    imageId: string,
    prompt: string,
    { chosen, rejected }: JudgedPair,
  ): PairRecord => ({
    id: newId('pair'),
    imageId,
    prompt,
    chosen: chosen.text,
    rejected: rejected.text,
    verdict: 'preferred',
    // Other judges' scores are no CLIP scores: the scorer fetches those.
    ...(id === 'clip' && {
      clip: { chosen: chosen.score, rejected: rejected.score },
      scoredBy: { clip },
    }),
  });

  /** Marks the best pair of the selected picture's answers, where what the judge asks for is known. */
  const mark = (id: JudgeId): void => {
    const image = selectedImageOf(store.state);
    const by = judgeName(id, image ? [image] : []);
    const truth = truthOf(image);
    const scoreOf = (candidate: CandidateRecord) => JUDGES[id].known(candidate, truth);
    const scored = candidatesOnTable(store.state).filter(
      (candidate) => scoreOf(candidate) !== undefined && candidate.status === 'ready',
    );
    const prompt = scored.at(-1)?.prompt;
    const asked = scored.filter((candidate) => candidate.prompt === prompt);
    const comparable = wholeAnswers(asked).flatMap((candidate) => {
      const { id: answer, imageId, text } = candidate;
      const score = scoreOf(candidate);
      return score === undefined ? [] : [{ id: answer, imageId, text, score }];
    });
    const [pair] = judgedPairs(comparable);
    if (!pair) {
      const cut = asked.filter(({ finish }) => finish !== 'stop').length;
      const why = cut > 0 ? ` ${count(cut, 'answer')} did not come to an end: raise "Max tokens", or edit them.` : '';
      const needed = 'two different, whole answers to the same prompt with different scores';
      notify(store, 'info', `Marking by ${by} takes ${needed}.${why}`);
      return;
    }
    const { chosen, rejected } = pair;
    history.record(`rank by ${by}`, (state) => ({
      ...state,
      candidates: state.candidates.map((candidate) => {
        if (candidate.imageId !== chosen.imageId) return candidate;
        const made = candidate.id === chosen.id ? 'chosen' : candidate.id === rejected.id ? 'rejected' : undefined;
        return candidate.mark === made ? candidate : { ...candidate, mark: made };
      }),
    }));
  };

  return {
    /**
     * What the detector sees in a photograph; it looks now where it has not.
     * @throws InputError for a scene, which knows its own truth; what `Sights.of` throws.
     */
    async look(imageId: string, options: { readonly signal?: AbortSignal } = {}): Promise<Seen> {
      const image = store.state.images.find(({ id }) => id === imageId);
      if (image?.scene) {
        throw new InputError(
          'This picture is a Toybox scene, whose objects are known. The detector looks at photographs.',
        );
      }
      return sights.of(imageId, options);
    },

    /**
     * Marks the two answers that make the best pair by a judge: see `wholeAnswers` and `judgedPairs`. At once, unless the
     * detector has to look first. Problems become notices; nothing is thrown.
     */
    async rankBy(id: JudgeId): Promise<void> {
      const image = selectedImageOf(store.state);
      if (JUDGES[id].asksTruth && image && !truthOf(image)) {
        try {
          const activity = { kind: 'look', label: 'The detector is looking', done: 0, total: 0 } as const;
          await underActivity(context, activity, (signal) => sights.of(image.id, { signal }));
        } catch (error) {
          if (!(error instanceof CancelledError)) {
            notify(store, 'error', `The detector could not look: ${sentence(error)} Nothing was marked.`);
          }
          return;
        }
        // Somebody who went on to another picture meanwhile did not mean that one.
        if (store.state.selectedImage !== image.id) return;
      }
      mark(id);
    },

    /**
     * Samples answers about each image, lets a judge make pairs of them, and adds the best mixture of these, at most one
     * of an image, as one action. Settles at the end or after a cancel, which keeps what there is. Problems become
     * notices; nothing is thrown. Returns the pairs' ids.
     */
    async pairBy(id: JudgeId, options: PairByOptions = {}): Promise<string[]> {
      const settings = { ...store.state.settings, n: PAIR_CANDIDATES, ...options.settings };
      const why = [...running].some(({ kind }) => kind === 'sample')
        ? SAMPLING
        : whyNotPairBy({ ...store.state, settings });
      if (why) {
        notify(store, 'info', why);
        return [];
      }
      const imageIds = options.imageIds ?? store.state.images.map(({ id: each }) => each);
      const by = judgeName(
        id,
        store.state.images.filter((image) => imageIds.includes(image.id)),
      );
      const { vlm, clip, prompt, n, temperature, topP, maxTokens, seed } = settings;
      const isThere = (imageId: string) => store.state.images.some((image) => image.id === imageId);
      const found: { readonly imageId: string; readonly pairs: readonly JudgedPair[] }[] = [];
      let without = 0;
      const activity = { kind: 'sample', label: `Pairs by ${by}`, done: 0, total: imageIds.length } as const;
      try {
        await underActivity(context, activity, async (signal, report) => {
          const either = options.signal ? anySignal([signal, options.signal]) : signal;
          for (const [index, imageId] of imageIds.entries()) {
            if (!isThere(imageId)) continue;
            const request = { image: await images.input(imageId), prompt, n, temperature, topP, maxTokens, seed };
            const truth = (looking: { readonly signal?: AbortSignal }) => sights.truth(imageId, looking);
            const pairs = await sampleJudgedPairs(JUDGES[id], { engine, truth }, request, { signal: either });
            const now = store.state.settings;
            if (now.vlm !== vlm || now.clip !== clip) throw new InputError('Other models were loaded.');
            if (pairs.length > 0) found.push({ imageId, pairs });
            else without += 1;
            report(index + 1, imageIds.length);
          }
        });
      } catch (error) {
        if (!(error instanceof CancelledError)) {
          notify(store, 'error', `Pairing by ${by} stopped: ${sentence(error)} The pairs so far were kept.`);
          options.onError?.(error);
        }
      }
      // Of pictures removed meanwhile nothing is kept.
      const there = found.filter(({ imageId }) => isThere(imageId));
      const kept = balancedPairs(there, options.keep ?? PAIRS_KEPT);
      const pairs = kept.map(({ imageId, pair }) => recordOf(id, clip, imageId, prompt, pair));
      if (pairs.length > 0) {
        history.record(`add pairs by ${by}`, (state) => ({
          ...state,
          pairs: [...state.pairs, ...pairs],
          selectedPair: pairs[0].id,
        }));
      }
      for (const pair of pairs) options.onPair?.(pair);
      if (without > 0) {
        const which = without === 1 ? 'One image gave no pair: its' : `${without} images gave no pair: their`;
        notify(store, 'info', `${which} answers scored the same by ${by}, or were cut off by "Max tokens".`);
      }
      return pairs.map((pair) => pair.id);
    },
  };
}
