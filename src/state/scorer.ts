/**
 * Keeps the numbers behind the texts: looks for answers and pairs without scores, asks the engine for them one at a
 * time, and writes them down. Intents only clear what is out of date; everything else follows from the state, also
 * after a reload, a restart of the engine or a change of model.
 */

import type { CallOptions, Engine } from '../engine/engine.ts';
import { CancelledError, DeviceLostError, EngineLostError, InputError } from '../errors.ts';
import { type Running, sentence, underActivity, updateCandidate, updatePair } from './context.ts';
import type { ImageLibrary } from './images.ts';
import type { AppState, CandidateRecord, PairRecord } from './state.ts';
import type { Store } from './store.ts';

/** A text that is still being typed is scored after this pause. */
const TYPING_PAUSE_MS = 300;

/** What failed is tried again, but not forever. */
const ATTEMPTS = 3;

/** What a pair says that was waiting for its scores when a person cancelled. */
const CANCELLED = 'Not scored: the scoring was cancelled. Press "Try again".';

/** How often a record could not be scored in a row, and what of. */
interface Failed {
  readonly times: number;
  /** `input`: its texts or its picture cannot be scored. `lost`: the device or the worker went, perhaps because of it. */
  readonly of: 'input' | 'lost' | 'engine';
}

const kindOf = (error: unknown): Failed['of'] => {
  if (error instanceof InputError) return 'input';
  const lost = error instanceof DeviceLostError || error instanceof EngineLostError || error instanceof CancelledError;
  return lost ? 'lost' : 'engine';
};

type Job =
  | { readonly kind: 'candidate'; readonly record: CandidateRecord }
  | { readonly kind: 'pair'; readonly record: PairRecord };

/** Whether an answer lacks log-probabilities or a CLIP score. */
function candidateNeedsScores(candidate: CandidateRecord): boolean {
  return candidate.status === 'scoring' && candidate.text.trim() !== '';
}

/** Whether a pair's log-probabilities are those of the present model with its present adapter. */
function hasLogps({ scores, scoredBy }: PairRecord, { settings, adapter }: AppState): boolean {
  return scores !== undefined && scoredBy?.vlm === settings.vlm && scoredBy.adapter === adapter?.key;
}

/** Whether a pair takes part in the loss and lacks the numbers of the present models. Ties take no part. */
export function pairNeedsScores(pair: PairRecord, state: AppState): boolean {
  if (pair.verdict !== 'preferred' || pair.error) return false;
  return !hasLogps(pair, state) || pair.scoredBy?.clip !== state.settings.clip;
}

export class Scorer {
  #store: Store<AppState>;
  #engine: Engine;
  #images: ImageLibrary;
  #running: Set<Running>;
  #working: Promise<void> | null = null;
  #notBefore = new Map<string, number>();
  #failures = new Map<string, Failed>();
  #current: { id: string; controller: AbortController } | null = null;

  constructor(store: Store<AppState>, engine: Engine, images: ImageLibrary, running: Set<Running>) {
    this.#store = store;
    this.#engine = engine;
    this.#images = images;
    this.#running = running;
    store.subscribe(() => this.#wake());
    let before = engine.state.kind;
    engine.onState(({ kind }) => {
      if (kind === 'ready' && before !== 'ready') this.#engineCame();
      before = kind;
    });
    images.onAdded((imageId) => this.again((record) => record.imageId === imageId && record.error !== undefined));
  }

  /** Scores records again whose scoring failed or was cancelled, as if for the first time. */
  again(which: (record: CandidateRecord | PairRecord) => boolean): void {
    const { candidates, pairs } = this.#store.state;
    const ids = new Set([...candidates, ...pairs].filter(which).map(({ id }) => id));
    if (ids.size === 0) return;
    for (const id of ids) this.#failures.delete(id);
    this.#store.update((state) => ({
      ...state,
      candidates: state.candidates.map((each) =>
        ids.has(each.id) && each.status !== 'streaming' && each.text.trim()
          ? ({ ...each, status: 'scoring', error: undefined, clip: undefined } as const)
          : each,
      ),
      pairs: state.pairs.map((each) => (ids.has(each.id) ? { ...each, error: undefined, scores: undefined } : each)),
    }));
  }

  /**
   * A fresh engine may be able to do what the last one failed at. Left alone is what a person cancelled, what cannot be
   * scored as it is, and what was being scored whenever the engine went.
   */
  #engineCame(): void {
    this.again(({ id, error }) => {
      if (error === undefined || error === CANCELLED) return false;
      const of = this.#failures.get(id)?.of;
      return of === undefined || of === 'engine';
    });
  }

  /** Scores of this record are out of date: a run in flight is dropped, the next waits for a pause in typing. */
  touch(id: string): void {
    this.#notBefore.set(id, performance.now() + TYPING_PAUSE_MS);
    this.#failures.delete(id);
    if (this.#current?.id === id) this.#current.controller.abort();
  }

  /** Settles when none of these answers waits for scores any more, or the engine cannot give them now. */
  settled(ids: readonly string[]): Promise<void> {
    const mine = new Set(ids);
    const waits = (state: AppState) =>
      state.engine.kind === 'ready' && state.candidates.some((each) => mine.has(each.id) && candidateNeedsScores(each));
    if (!waits(this.#store.state)) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.#store.subscribe((state) => {
        if (waits(state)) return;
        stop();
        resolve();
      });
    });
  }

  #ready(): boolean {
    return this.#store.state.engine.kind === 'ready';
  }

  #wake(): void {
    if (this.#working || !this.#ready() || this.#jobs().length === 0) return;
    this.#working = this.#work().finally(() => {
      this.#working = null;
      // A record that changed while the last one finished is found here.
      queueMicrotask(() => this.#wake());
    });
  }

  /** All that is to do: answers on the table first, because somebody is looking at them. */
  #jobs(): Job[] {
    const { candidates, pairs } = this.#store.state;
    return [
      ...candidates.filter(candidateNeedsScores).map((record): Job => ({ kind: 'candidate', record })),
      ...pairs
        .filter((pair) => pairNeedsScores(pair, this.#store.state))
        .map((record): Job => ({ kind: 'pair', record })),
    ];
  }

  async #work(): Promise<void> {
    const pairsToDo = this.#jobs().filter((job) => job.kind === 'pair').length;
    if (pairsToDo === 0) return this.#drain(new AbortController().signal, () => {});
    const label = pairsToDo === 1 ? 'Scoring the pair' : 'Scoring pairs';
    await underActivity(
      { store: this.#store, running: this.#running },
      { kind: 'score', label, done: 0, total: pairsToDo },
      (signal, report) => this.#drain(signal, report),
    );
  }

  async #drain(signal: AbortSignal, report: (done: number, total: number) => void): Promise<void> {
    let done = 0;
    while (this.#ready()) {
      if (signal.aborted) return this.#giveUpPairs();
      const jobs = this.#jobs();
      if (jobs.length === 0) return;
      const now = performance.now();
      const job = jobs.find(({ record }) => (this.#notBefore.get(record.id) ?? 0) <= now);
      if (!job) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        continue;
      }
      await this.#score(job, signal);
      if (job.kind === 'pair') done += 1;
      report(done, done + this.#jobs().filter(({ kind }) => kind === 'pair').length);
    }
  }

  async #score(job: Job, signal: AbortSignal): Promise<void> {
    const { id } = job.record;
    const controller = new AbortController();
    const abort = () => controller.abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#current = { id, controller };
    this.#notBefore.delete(id);
    try {
      const options = { signal: controller.signal };
      if (job.kind === 'candidate') await this.#scoreCandidate(job.record, options);
      else await this.#scorePair(job.record, options);
      this.#failures.delete(id);
    } catch (error) {
      this.#failed(job, error, controller.signal.aborted);
    } finally {
      signal.removeEventListener('abort', abort);
      this.#current = null;
    }
  }

  /** Log-probabilities where they are missing (edited or written text), then the CLIP score. */
  async #scoreCandidate(record: CandidateRecord, options: CallOptions): Promise<void> {
    const image = await this.#images.input(record.imageId);
    const { prompt, text: response } = record;
    if (record.tokens.length === 0) {
      const logps = await this.#engine.logps({ image, prompt, response, model: 'policy' }, options);
      // What a person wrote is whole. What was cut stays so, whichever model scores it.
      const finish = record.finish ?? 'stop';
      this.#writeCandidate(record, { tokens: logps.tokens, logpSum: logps.sum, finish });
    }
    if (this.#store.state.adapter && !record.reference) {
      const reference = await this.#engine.logps({ image, prompt, response, model: 'reference' }, options);
      this.#writeCandidate(record, { reference });
    }
    let { clip } = record;
    if (clip === undefined) [clip] = await this.#engine.clipScore({ image, texts: [response] }, options);
    this.#writeCandidate(record, { clip, status: 'ready', error: undefined });
  }

  async #scorePair(record: PairRecord, options: CallOptions): Promise<void> {
    const { settings, adapter } = this.#store.state;
    const { vlm, clip: clipModel } = settings;
    const image = await this.#images.input(record.imageId);
    const { prompt, chosen, rejected } = record;
    const scores = hasLogps(record, this.#store.state)
      ? record.scores
      : await this.#engine.pairLogps({ image, prompt, chosen, rejected }, options);
    let clip = record.scoredBy?.clip === clipModel ? record.clip : undefined;
    if (!clip) {
      const values = await this.#engine.clipScore({ image, texts: [chosen, rejected] }, options);
      clip = { chosen: values[0], rejected: values[1] };
    }
    this.#writePair(record, {
      scores,
      clip,
      scoredBy: { vlm, clip: clipModel, ...(adapter && { adapter: adapter.key }) },
    });
  }

  /** Writes only if the text is still the one that was scored: the newest edit wins. */
  #writeCandidate(scored: CandidateRecord, fields: Partial<CandidateRecord>): void {
    this.#store.update((state) =>
      updateCandidate(state, scored.id, (now) => (now.text === scored.text ? { ...now, ...fields } : now)),
    );
  }

  #writePair(scored: PairRecord, fields: Partial<PairRecord>): void {
    this.#store.update((state) =>
      updatePair(state, scored.id, (now) =>
        now.chosen === scored.chosen && now.rejected === scored.rejected ? { ...now, ...fields } : now,
      ),
    );
  }

  #failed(job: Job, error: unknown, aborted: boolean): void {
    if (aborted) return; // an edit or a cancel: the state says what comes next
    const { id } = job.record;
    const of = kindOf(error);
    const times = (this.#failures.get(id)?.times ?? 0) + 1;
    this.#failures.set(id, { times, of });
    if (of !== 'input' && times < ATTEMPTS) return;
    const message = sentence(error);
    // Numbers of another model or adapter are not the pair's any more.
    const stale = job.kind === 'pair' && !hasLogps(job.record, this.#store.state);
    if (job.kind === 'pair') this.#writePair(job.record, { error: message, ...(stale && { scores: undefined }) });
    else this.#writeCandidate(job.record, { status: 'error', error: message });
  }

  /** After a cancel: what was scored is kept, the rest says that it was not. */
  #giveUpPairs(): void {
    this.#store.update((state) => ({
      ...state,
      pairs: state.pairs.map((pair) => (pairNeedsScores(pair, state) ? { ...pair, error: CANCELLED } : pair)),
    }));
  }
}
