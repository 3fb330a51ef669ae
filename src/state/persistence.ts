/**
 * Keeps the work of the page over a closed tab: what goes where is the table in `persistence/places.ts`. Saving is
 * debounced and flushed when the page is hidden; full storage is reported and never stops the work.
 */
import type { ImageBytesStore } from './images.ts';
import type { Backend } from './persistence/backend.ts';
import { changesBetween } from './persistence/changes.ts';
import { decodeLink, decodeView, encodeLink, linkProblems } from './persistence/link.ts';
import { type Restored, revive } from './persistence/restored.ts';
import { createStarts, type Starts } from './persistence/starts.ts';
import type { AppState, CandidateRecord, Settings } from './state.ts';
import { validSettings, validView } from './validate.ts';

export { changesBetween } from './persistence/changes.ts';
export * from './persistence/places.ts';
export { type Restored, withRestored } from './persistence/restored.ts';
export { MOST_FAILURES, type Starts } from './persistence/starts.ts';

/** Long enough to gather a burst of tokens, short enough to lose nothing that matters. */
const SAVE_AFTER_MS = 250;

export type PersistenceProblem =
  /** The browser gives no more room: work goes on, but is not saved. */
  | { readonly kind: 'full' }
  /** Another tab saves this workspace; this one does not. */
  | { readonly kind: 'other-tab' }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface Persistence {
  readonly bytes: ImageBytesStore;
  /** Checkpoints and metrics of training runs. Nothing throws: problems go to `onProblem`. */
  readonly runs: RunFiles;
  readonly starts: Starts;
  /** Whether the address asks for `reset` before anything else. */
  readonly resetAsked: boolean;
  /** Saves nothing from now on: what is stored is left as it is. */
  stop(): void;
  /** Deletes everything this page has stored in the browser, and opens it again. */
  reset(): Promise<void>;
  /** What an earlier visit and the link left. Never throws: problems go to `onProblem`. */
  restore(): Promise<Restored>;
  /** Starts saving `state` and every later one passed to `changed`. */
  begin(state: AppState): void;
  /** The state changed: saves soon. */
  changed(state: AppState): void;
  /** Saves what is unsaved now. */
  flush(): Promise<void>;
  /** Forgets bytes of pictures that nothing names any more. */
  sweep(isKept: (id: string) => boolean): Promise<void>;
  link(state: Pick<AppState, 'settings' | 'view'>): string;
  /** A person opened a link in this tab. Returns the unsubscribe function. */
  onLink(
    listener: (settings: Partial<Settings>, view: ReturnType<typeof decodeView>, problems: readonly string[]) => void,
  ): () => void;
  onProblem: (problem: PersistenceProblem) => void;
}

/** Files of training runs: `metrics`, and a checkpoint per kept step. */
export interface RunFiles {
  get(run: string, name: string): Promise<unknown>;
  /** Whether it is stored; where it is not, what had this name before is as it was. */
  put(run: string, name: string, value: unknown): Promise<boolean>;
  remove(run: string, name: string): Promise<void>;
  /** Forgets the files of all other runs. */
  keepOnly(runs: readonly string[]): Promise<void>;
}

/** The hash that offers to delete everything, for a page that does not get as far as its buttons. */
const RESET = 'reset';

/** Whether an error of the storage means "no more room". */
export function isQuotaError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'QuotaExceededError' || /quota/i.test(error.message));
}

export function createPersistence(backend: Backend): Persistence {
  const { records, bytes, address } = backend;
  let latest: AppState | null = null;
  let saved: AppState | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing: Promise<void> = Promise.resolve();
  let saves = false;
  let stopped = false;
  let reported = '';
  const claimed = backend.claim();

  const report = (problem: PersistenceProblem): void => {
    if (reported === problem.kind) return;
    reported = problem.kind;
    persistence.onProblem(problem);
  };

  const save = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const state = latest;
    if (!state || !saves) return;
    try {
      address.replaceHash(encodeLink(state.settings, state.view));
    } catch {
      // Some browsers refuse many address changes in a short time; the next save brings the address up to date.
    }
    const change = changesBetween(saved, state);
    if (!change) return;
    try {
      await records.write(change);
      saved = state;
      reported = '';
    } catch (error) {
      report(isQuotaError(error) ? { kind: 'full' } : { kind: 'failed', error });
    }
  };

  const flush = (): Promise<void> => {
    writing = writing.then(save);
    return writing;
  };

  const persistence: Persistence = {
    onProblem: () => {},
    starts: createStarts(backend.starts),
    resetAsked: address.hash() === RESET,

    stop() {
      saves = false;
      stopped = true;
      clearTimeout(timer);
    },

    async reset() {
      persistence.stop();
      await writing;
      await backend.erase();
      address.replaceHash('');
      address.reload();
    },

    runs: {
      get: (run, name) => backend.runs.get(`${run}/${name}`).catch(() => undefined),
      async put(run, name, value) {
        if (!(await claimed)) return false;
        try {
          await backend.runs.put(`${run}/${name}`, value);
          return true;
        } catch (error) {
          report(isQuotaError(error) ? { kind: 'full' } : { kind: 'failed', error });
          return false;
        }
      },
      async remove(run, name) {
        if (await claimed) await backend.runs.remove(`${run}/${name}`).catch(() => {});
      },
      async keepOnly(runs) {
        if (!(await claimed)) return;
        const kept = new Set(runs);
        const keys = await backend.runs.keys().catch(() => []);
        for (const key of keys) if (!kept.has(key.split('/')[0])) await backend.runs.remove(key).catch(() => {});
      },
    },
    bytes: {
      get: (id) => bytes.get(id),
      put: async (id, blob) => {
        if (!(await claimed)) return;
        try {
          await bytes.put(id, blob);
        } catch (error) {
          report(isQuotaError(error) ? { kind: 'full' } : { kind: 'failed', error });
        }
      },
    },

    async restore() {
      const { vlm, clip, ...linked } = decodeLink(address.hash());
      const models = { ...(vlm && { vlm }), ...(clip && { clip }) };
      const problems = linkProblems(address.hash());
      const opened = decodeView(address.hash()) ?? {};
      saves = (await claimed) && !stopped;
      if (!saves && !stopped) report({ kind: 'other-tab' });
      try {
        const { values, lists } = await records.read();
        return {
          state: {
            images: lists.images as unknown as AppState['images'],
            candidates: (lists.candidates as unknown as CandidateRecord[]).map(revive),
            pairs: lists.pairs as unknown as AppState['pairs'],
            selectedImage: (values.get('selectedImage') as string | null | undefined) ?? null,
            selectedPair: (values.get('selectedPair') as string | null | undefined) ?? null,
            adapter: (values.get('adapter') as AppState['adapter'] | undefined) ?? null,
          },
          training: (values.get('training') as Partial<AppState['training']> | undefined) ?? {},
          settings: { ...validSettings(values.get('settings')), ...linked },
          view: { ...validView(values.get('view')), ...opened },
          models,
          problems,
        };
      } catch (error) {
        // What could not be read may still be there: nothing is written over it.
        saves = false;
        report({ kind: 'failed', error });
        return { state: {}, training: {}, settings: linked, view: opened, models, problems };
      }
    },

    begin(state) {
      // Everything is written once: cheap, and a store that was read only in part becomes whole again.
      latest = state;
      void flush();
    },

    changed(state) {
      latest = state;
      if (timer === undefined && saves) timer = setTimeout(() => void flush(), SAVE_AFTER_MS);
    },

    flush,

    async sweep(isKept) {
      if (!saves) return;
      await bytes.keepOnly(isKept).catch((error) => report({ kind: 'failed', error }));
    },

    link: ({ settings, view }) => address.withHash(encodeLink(settings, view)),

    onLink: (listener) =>
      address.onHash(() => {
        const settings = decodeLink(address.hash());
        const view = decodeView(address.hash());
        const problems = linkProblems(address.hash());
        if (Object.keys(settings).length > 0 || view || problems.length > 0) listener(settings, view, problems);
      }),
  };
  return persistence;
}
