/**
 * Undo and redo over images, candidates' marks and deletions, pairs, and what else one action may bring: settings, runs
 * and the adapter of a workspace file.
 *
 * What is kept is the difference an action made, record by record and field by field, not a snapshot: scores and
 * tokens that arrive afterwards survive an undo, and undoing the deletion of one answer does not touch the others.
 */
import type { AppState, Settings } from './state.ts';
import type { Store } from './store.ts';
import { withAdapter } from './training/records.ts';

type Identified = { readonly id: string };

interface ListDiff<T extends Identified> {
  readonly added: readonly { readonly index: number; readonly record: T }[];
  readonly removed: readonly { readonly index: number; readonly record: T }[];
  readonly changed: readonly { readonly id: string; readonly before: Partial<T>; readonly after: Partial<T> }[];
}

/** The lists of the state, and how each is replaced. */
const LISTS = {
  images: [({ images }: AppState) => images, (state: AppState, images) => ({ ...state, images })],
  candidates: [({ candidates }: AppState) => candidates, (state: AppState, candidates) => ({ ...state, candidates })],
  pairs: [({ pairs }: AppState) => pairs, (state: AppState, pairs) => ({ ...state, pairs })],
  runs: [
    ({ training }: AppState) => training.runs,
    (state: AppState, runs) => ({ ...state, training: { ...state.training, runs } }),
  ],
} as const satisfies Record<
  string,
  readonly [(state: AppState) => readonly Identified[], (state: AppState, list: never) => AppState]
>;
type ListName = keyof typeof LISTS;

const listOf = (name: ListName, state: AppState): readonly Identified[] => LISTS[name][0](state);
const withList = (name: ListName, state: AppState, list: readonly Identified[]): AppState =>
  LISTS[name][1](state, list as never);

/** The rest that an action may change, as one flat record. What selects is no action of its own. */
const SELECTING: readonly string[] = ['selectedImage', 'selectedPair', 'run'];

function valuesOf({ selectedImage, selectedPair, training, adapter, settings }: AppState): Record<string, unknown> {
  const each = Object.entries(settings).map(([key, value]) => [`settings.${key}`, value]);
  return { selectedImage, selectedPair, run: training.run, adapter, ...Object.fromEntries(each) };
}

function withValue(state: AppState, key: string, value: unknown): AppState {
  if (key === 'run') return { ...state, training: { ...state.training, run: value as string | null } };
  if (key === 'adapter') return withAdapter(state, value as AppState['adapter']);
  if (!key.startsWith('settings.')) return { ...state, [key]: value };
  return { ...state, settings: { ...state.settings, [key.slice('settings.'.length)]: value } as Settings };
}

interface Change {
  readonly before: unknown;
  readonly after: unknown;
}

interface Entry {
  readonly label: string;
  readonly lists: { readonly [K in ListName]?: ListDiff<Identified> };
  readonly values: Readonly<Record<string, Change>>;
}

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

/** Deep enough for hours of work; each entry shares its records with the state. */
const LIMIT = 200;

function fieldsThatDiffer<T extends Identified>(before: T, after: T): { before: Partial<T>; after: Partial<T> } {
  const from: Partial<T> = {};
  const to: Partial<T> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof T>) {
    if (Object.is(before[key], after[key])) continue;
    from[key] = before[key];
    to[key] = after[key];
  }
  return { before: from, after: to };
}

/** What turns `before` into `after`; undefined when they are the same list. */
export function diffList<T extends Identified>(before: readonly T[], after: readonly T[]): ListDiff<T> | undefined {
  if (before === after) return undefined;
  const old = new Map(before.map((record) => [record.id, record]));
  const now = new Map(after.map((record) => [record.id, record]));
  return {
    added: after.flatMap((record, index) => (old.has(record.id) ? [] : [{ index, record }])),
    removed: before.flatMap((record, index) => (now.has(record.id) ? [] : [{ index, record }])),
    changed: after.flatMap((record) => {
      const earlier = old.get(record.id);
      if (!earlier || earlier === record) return [];
      return [{ id: record.id, ...fieldsThatDiffer(earlier, record) }];
    }),
  };
}

/** The record with these fields; a field that becomes undefined goes. */
function withFields<T extends Identified>(record: T, fields: Partial<T> | undefined): T {
  if (!fields) return record;
  return Object.fromEntries(Object.entries({ ...record, ...fields }).filter(([, value]) => value !== undefined)) as T;
}

/** Applies a difference forwards or backwards to a list that may have changed otherwise in the meantime. */
export function applyDiff<T extends Identified>(
  list: readonly T[],
  diff: ListDiff<T>,
  direction: 'undo' | 'redo',
): readonly T[] {
  const insert = direction === 'undo' ? diff.removed : diff.added;
  const remove = new Set((direction === 'undo' ? diff.added : diff.removed).map(({ record }) => record.id));
  const change = new Map(diff.changed.map((entry) => [entry.id, direction === 'undo' ? entry.before : entry.after]));
  const result = list
    .filter((record) => !remove.has(record.id))
    .map((record) => withFields(record, change.get(record.id)));
  for (const { index, record } of insert) {
    if (!result.some((other) => other.id === record.id)) result.splice(Math.min(index, result.length), 0, record);
  }
  return result;
}

export class History {
  #held = new Set<readonly string[]>();
  #past: Entry[] = [];
  #future: Entry[] = [];
  #store: Store<AppState>;

  constructor(store: Store<AppState>) {
    this.#store = store;
  }

  /** Updates the state and remembers how to undo it. `label` completes the sentence "Undo ...". */
  record(label: string, fn: (state: AppState) => AppState): void {
    const before = this.#store.state;
    this.#store.update(fn);
    const after = this.#store.state;
    const lists: Partial<Record<ListName, ListDiff<Identified>>> = {};
    for (const key of Object.keys(LISTS) as ListName[]) {
      const diff = diffList<Identified>(listOf(key, before), listOf(key, after));
      if (diff && diff.added.length + diff.removed.length + diff.changed.length > 0) lists[key] = diff;
    }
    const [old, now] = [valuesOf(before), valuesOf(after)];
    const values = Object.fromEntries(
      Object.keys(now).flatMap((key) =>
        same(old[key], now[key]) ? [] : [[key, { before: old[key], after: now[key] }]],
      ),
    );
    if (Object.keys(lists).length === 0 && Object.keys(values).every((key) => SELECTING.includes(key))) return;
    this.#past.push({ label, lists, values });
    if (this.#past.length > LIMIT) this.#past.shift();
    this.#future = [];
    this.#publish();
  }

  undo(): boolean {
    return this.#step(this.#past, this.#future, 'undo');
  }

  redo(): boolean {
    return this.#step(this.#future, this.#past, 'redo');
  }

  /** Whether the next step back or forth changes runs or the adapter, which a run under way would lose. */
  touchesTraining(direction: 'undo' | 'redo'): boolean {
    const entry = (direction === 'undo' ? this.#past : this.#future).at(-1);
    return entry !== undefined && (entry.lists.runs !== undefined || 'adapter' in entry.values);
  }

  /** Keeps folders of run files whose records are about to be recorded, until the returned function is called. */
  holdFolders(folders: readonly string[]): () => void {
    this.#held.add(folders);
    return () => this.#held.delete(folders);
  }

  /** Folders of run files that some step back or forth needs, and those that are held. */
  folders(): string[] {
    const needed = [...this.#past, ...this.#future].flatMap(({ lists, values }) => {
      const runs = [...(lists.runs?.added ?? []), ...(lists.runs?.removed ?? [])].map(({ record }) => record);
      const starts = runs.flatMap((run) => (run as AppState['training']['runs'][number]).from?.key ?? []);
      const adapters = [values.adapter?.before, values.adapter?.after] as (AppState['adapter'] | undefined)[];
      return [
        ...runs.map(({ id }) => id),
        ...starts,
        ...adapters.flatMap((adapter) => adapter?.run ?? adapter?.key ?? []),
      ];
    });
    return [...needed, ...[...this.#held].flat()];
  }

  #step(from: Entry[], to: Entry[], direction: 'undo' | 'redo'): boolean {
    const entry = from.pop();
    if (!entry) return false;
    to.push(entry);
    this.#store.update((state) => {
      let next = state;
      for (const [key, diff] of Object.entries(entry.lists) as [ListName, ListDiff<Identified>][]) {
        next = withList(key, next, applyDiff<Identified>(listOf(key, next), diff, direction));
      }
      for (const [key, { before, after }] of Object.entries(entry.values)) {
        const [from, to] = direction === 'undo' ? [after, before] : [before, after];
        // A knob that was turned since keeps its place.
        if (!key.startsWith('settings.') || same(valuesOf(next)[key], from)) next = withValue(next, key, to);
      }
      return repairSelections(next);
    });
    this.#publish();
    return true;
  }

  #publish(): void {
    const undo = this.#past.at(-1)?.label ?? null;
    const redo = this.#future.at(-1)?.label ?? null;
    this.#store.update((state) =>
      state.history.undo === undo && state.history.redo === redo ? state : { ...state, history: { undo, redo } },
    );
  }
}

/** Points the selections at records that exist. */
export function repairSelections(state: AppState): AppState {
  const { images, pairs, selectedImage, selectedPair } = state;
  const image = images.some(({ id }) => id === selectedImage) ? selectedImage : (images.at(-1)?.id ?? null);
  const pair = pairs.some(({ id }) => id === selectedPair) ? selectedPair : null;
  if (image === selectedImage && pair === selectedPair) return state;
  return { ...state, selectedImage: image, selectedPair: pair };
}
