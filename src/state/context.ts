/** What every intent works with. Built once by `createApp`; components never see it. */
import type { Engine } from '../engine/engine.ts';
import type { History } from './history.ts';
import type { ImageLibrary } from './images.ts';
import type { Models } from './models.ts';
import type { Persistence } from './persistence.ts';
import type { Scorer } from './scorer.ts';
import type { Sights } from './sights.ts';
import type { Activity, AppState, CandidateRecord, Notice, NoticeAction, PairRecord } from './state.ts';
import type { Store } from './store.ts';
import type { Training } from './training.ts';
import type { Worlds } from './worlds.ts';

export interface Context {
  readonly store: Store<AppState>;
  readonly engine: Engine;
  readonly images: ImageLibrary;
  readonly history: History;
  readonly persistence: Persistence;
  readonly scorer: Scorer;
  /** What the detector sees in photographs. */
  readonly sights: Sights;
  readonly training: Training;
  readonly models: Models;
  /** What pictures of another world than the models' bring about. */
  readonly worlds: Worlds;
  /** Work that `cancel()` ends, newest last. */
  readonly running: Set<Running>;
}

/** Long work under way: what `cancel()` aborts and the activity line shows. */
export interface Running {
  readonly kind: Activity['kind'];
  readonly controller: AbortController;
}

/** A short id, unique within this workspace. */
export function newId(prefix: string): string {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return `${prefix}-${[...random].map((word) => word.toString(36).padStart(7, '0')).join('')}`;
}

/** Time to notice a message, and to read a character of it slowly. */
const NOTICE_MS = 4000;
const NOTICE_MS_PER_CHARACTER = 60;

/**
 * Shows a notice, and returns its id. The same message is not shown twice at once. Errors stay until somebody dismisses
 * them, and what offers something until whoever offers it withdraws it; the others go when there was time to read them.
 */
export function notify(store: Store<AppState>, tone: Notice['tone'], message: string, action?: NoticeAction): string {
  const id = newId('notice');
  store.update((state) => {
    const others = state.notices.filter((notice) => notice.message !== message);
    return { ...state, notices: [...others.slice(-4), { id, tone, message, ...(action && { action }) }] };
  });
  if (tone === 'error' || action) return id;
  const shown = NOTICE_MS + NOTICE_MS_PER_CHARACTER * message.length;
  setTimeout(() => store.update((state) => withoutNotice(state, id)), shown);
  return id;
}

/** The state without this notice. */
export function withoutNotice(state: AppState, id: string): AppState {
  const notices = state.notices.filter((notice) => notice.id !== id);
  return notices.length === state.notices.length ? state : { ...state, notices };
}

/** The words of an error for people; programming errors keep their own. */
export function sentence(error: unknown): string {
  return error instanceof Error && error.message ? error.message : String(error);
}

/** "1 pair", "3 pairs". */
export function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}

/** Replaces one candidate by what `fn` returns. */
export function updateCandidate(
  state: AppState,
  id: string,
  fn: (candidate: CandidateRecord) => CandidateRecord,
): AppState {
  const index = state.candidates.findIndex((candidate) => candidate.id === id);
  if (index < 0) return state;
  const next = fn(state.candidates[index]);
  return next === state.candidates[index] ? state : { ...state, candidates: state.candidates.with(index, next) };
}

/** Replaces one pair by what `fn` returns. */
export function updatePair(state: AppState, id: string, fn: (pair: PairRecord) => PairRecord): AppState {
  const index = state.pairs.findIndex((pair) => pair.id === id);
  if (index < 0) return state;
  const next = fn(state.pairs[index]);
  return next === state.pairs[index] ? state : { ...state, pairs: state.pairs.with(index, next) };
}

/** Runs long work under the activity line, so that `cancel()` finds it; the line goes when the work ends. */
export async function underActivity<T>(
  context: Pick<Context, 'store' | 'running'>,
  activity: Activity,
  work: (signal: AbortSignal, report: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const { store, running } = context;
  const entry: Running = { kind: activity.kind, controller: new AbortController() };
  running.add(entry);
  let shown: Activity = activity;
  const show = (next: Activity) => {
    const mine = store.state.activity === shown;
    shown = next;
    // Scoring happens behind everything else and never hides what a person started.
    if (mine || !store.state.activity || activity.kind !== 'score') store.update((s) => ({ ...s, activity: next }));
  };
  show(activity);
  try {
    return await work(entry.controller.signal, (done, total) => {
      if (done !== shown.done || total !== shown.total) show({ ...shown, done, total });
    });
  } finally {
    running.delete(entry);
    store.update((state) => (state.activity === shown ? { ...state, activity: null } : state));
  }
}
