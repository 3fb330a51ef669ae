/**
 * What survives a closed tab, and where: one table, typed over every key of the state and of the settings, so that a
 * new key without an entry does not compile. Saving is debounced and flushed when the page is hidden; full storage
 * is reported and never stops the work.
 */
import { DEFAULT_SETTINGS, INITIAL_STATE } from './defaults.ts';
import { repairSelections } from './history.ts';
import type { ImageBytesStore } from './images.ts';
import type { Backend, ListName, RecordChange, StoredRecord } from './persistence/backend.ts';
import { decodeLink, decodeView, encodeLink } from './persistence/link.ts';
import type { AppState, CandidateRecord, RunRecord, Settings } from './state.ts';
import { isRecord, validSettings } from './validate.ts';

/**
 * `url`: in the link, and in IndexedDB for a visit without one. `indexeddb`: in this browser only. `opfs`: bytes in
 * the private file system. `none`: gone with the page.
 */
export type Place = 'url' | 'indexeddb' | 'opfs' | 'none';

export const STATE_PLACES: { readonly [K in keyof AppState]: Place } = {
  settings: 'url',
  images: 'indexeddb',
  selectedImage: 'indexeddb',
  candidates: 'indexeddb',
  pairs: 'indexeddb',
  selectedPair: 'indexeddb',
  training: 'indexeddb',
  adapter: 'indexeddb',
  engine: 'none',
  activity: 'none',
  notices: 'none',
  history: 'none',
  view: 'indexeddb',
};

export const SETTINGS_PLACES: { readonly [K in keyof Settings]: Extract<Place, 'url'> } = {
  vlm: 'url',
  clip: 'url',
  prompt: 'url',
  n: 'url',
  temperature: 'url',
  topP: 'url',
  maxTokens: 'url',
  seed: 'url',
  objective: 'url',
  hyperparameters: 'url',
  training: 'url',
};

export const TRAINING_PLACES: { readonly [K in keyof AppState['training']]: Place } = {
  phase: 'none',
  runs: 'indexeddb',
  run: 'indexeddb',
  comparison: 'none',
};

export const VIEW_PLACES: { readonly [K in keyof AppState['view']]: Place } = {
  tab: 'indexeddb',
  bottom: 'indexeddb',
  // Of the overlays, the gallery alone: a link may point to the page of a loss.
  overlay: 'url',
  loss: 'url',
  theme: 'indexeddb',
};

/** Where the bytes behind `images` are kept. */
export const IMAGE_BYTES_PLACE: Place = 'opfs';
/** Where checkpoints and metrics of the runs are kept. */
export const RUN_FILES_PLACE: Place = 'indexeddb';

/** Long enough to gather a burst of tokens, short enough to lose nothing that matters. */
const SAVE_AFTER_MS = 250;

const LISTS: readonly ListName[] = ['images', 'candidates', 'pairs'];

export type PersistenceProblem =
  /** The browser gives no more room: work goes on, but is not saved. */
  | { readonly kind: 'full' }
  /** Another tab saves this workspace; this one does not. */
  | { readonly kind: 'other-tab' }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface Restored {
  /** The stored part of the state, to be laid over a fresh one. */
  readonly state: Partial<
    Pick<AppState, 'images' | 'candidates' | 'pairs' | 'selectedImage' | 'selectedPair' | 'adapter'>
  >;
  readonly training: Partial<AppState['training']>;
  readonly settings: Partial<Settings>;
  readonly view: Partial<AppState['view']>;
}

export interface Persistence {
  readonly bytes: ImageBytesStore;
  /** Checkpoints and metrics of training runs. Nothing throws: problems go to `onProblem`. */
  readonly runs: RunFiles;
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
  onLink(listener: (settings: Partial<Settings>, view: ReturnType<typeof decodeView>) => void): () => void;
  onProblem: (problem: PersistenceProblem) => void;
}

/** Files of training runs: `metrics`, and a checkpoint per kept step. */
export interface RunFiles {
  get(run: string, name: string): Promise<unknown>;
  /** Whether it is stored. */
  put(run: string, name: string, value: unknown): Promise<boolean>;
  remove(run: string, name: string): Promise<void>;
  /** Forgets the files of all other runs. */
  keepOnly(runs: readonly string[]): Promise<void>;
}

/** Whether an error of the storage means "no more room". */
export function isQuotaError(error: unknown): boolean {
  return error instanceof Error && (error.name === 'QuotaExceededError' || /quota/i.test(error.message));
}

/** What was streaming or being scored when the page went away is picked up where it can be. */
function revive(candidate: CandidateRecord): CandidateRecord {
  if (candidate.status !== 'streaming') return candidate;
  return { ...candidate, status: candidate.text.trim() ? 'scoring' : 'ready', finish: 'cancelled' };
}

/** A run that a closed tab ended can be continued from its newest checkpoint. */
function interrupted(run: RunRecord): RunRecord {
  if (run.status !== 'running') return run;
  return {
    ...run,
    status: 'paused',
    message: `The page was closed during this run. It can go on from step ${run.step}.`,
  };
}

/** Single values by name, as they go to the store. */
function valuesOf(state: AppState): Map<string, unknown> {
  const { settings, selectedImage, selectedPair, adapter, training, view } = state;
  const kept = <T extends object>(part: T, places: { readonly [K in keyof T]: Place }) =>
    Object.fromEntries(Object.entries(part).filter(([key]) => places[key as keyof T] === 'indexeddb'));
  return new Map<string, unknown>([
    ['settings', settings],
    ['selectedImage', selectedImage],
    ['selectedPair', selectedPair],
    ['adapter', adapter],
    ['training', kept(training, TRAINING_PLACES)],
    ['view', kept(view, VIEW_PLACES)],
  ]);
}

/** What must be written so that the store holds `state`, given that it holds `saved`. Null when nothing. */
export function changesBetween(saved: AppState | null, state: AppState): RecordChange | null {
  const before = saved ? valuesOf(saved) : new Map();
  const values = new Map(
    [...valuesOf(state)].filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(before.get(key))),
  );
  const lists = LISTS.flatMap((name) => {
    const now: readonly StoredRecord[] = state[name];
    const old: readonly StoredRecord[] = saved?.[name] ?? [];
    if (now === old) return [];
    const known = new Map(old.map((record) => [record.id, record]));
    const ids = new Set(now.map(({ id }) => id));
    return {
      name,
      // Records are replaced and never mutated, so identity tells what changed.
      put: now.filter((record) => known.get(record.id) !== record),
      remove: old.flatMap(({ id }) => (ids.has(id) ? [] : [id])),
      order: now.map(({ id }) => id),
    };
  });
  return values.size === 0 && lists.length === 0 ? null : { values, lists };
}

export function createPersistence(backend: Backend): Persistence {
  const { records, bytes, address } = backend;
  let latest: AppState | null = null;
  let saved: AppState | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing: Promise<void> = Promise.resolve();
  let saves = false;
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
      remove: (run, name) => backend.runs.remove(`${run}/${name}`).catch(() => {}),
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
      const linked = decodeLink(address.hash());
      const opened = decodeView(address.hash()) ?? {};
      saves = await claimed;
      if (!saves) report({ kind: 'other-tab' });
      try {
        const { values, lists } = await records.read();
        const view = values.get('view');
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
          view: { ...(isRecord(view) ? view : {}), ...opened },
        };
      } catch (error) {
        // What could not be read may still be there: nothing is written over it.
        saves = false;
        report({ kind: 'failed', error });
        return { state: {}, training: {}, settings: linked, view: opened };
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
        if (Object.keys(settings).length > 0 || view) listener(settings, view);
      }),
  };
  return persistence;
}

/** Lays what was stored under what has happened since the page opened (a picture dropped early is not lost). */
export function withRestored(state: AppState, restored: Restored): AppState {
  const merge = <T extends { readonly id: string }>(stored: readonly T[] = [], now: readonly T[]): readonly T[] => {
    const known = new Set(stored.map(({ id }) => id));
    return [...stored, ...now.filter(({ id }) => !known.has(id))];
  };
  return repairSelections({
    ...state,
    settings: { ...DEFAULT_SETTINGS, ...restored.settings },
    images: merge(restored.state.images, state.images),
    candidates: merge(restored.state.candidates, state.candidates),
    pairs: merge(restored.state.pairs, state.pairs),
    selectedImage: state.selectedImage ?? restored.state.selectedImage ?? null,
    selectedPair: state.selectedPair ?? restored.state.selectedPair ?? null,
    adapter: restored.state.adapter ?? null,
    training: {
      ...INITIAL_STATE.training,
      ...restored.training,
      runs: (restored.training.runs ?? []).map(interrupted),
    },
    view: { ...INITIAL_STATE.view, overlay: state.view.overlay, loss: state.view.loss, ...restored.view },
  });
}
