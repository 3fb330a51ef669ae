/**
 * Undo and redo over images, candidates' marks and deletions, and pairs.
 *
 * What is kept is the difference an action made, record by record and field by field, not a snapshot: scores and
 * tokens that arrive afterwards survive an undo, and undoing the deletion of one answer does not touch the others.
 */
import type { AppState } from './state.ts';
import type { Store } from './store.ts';

type Identified = { readonly id: string };

interface ListDiff<T extends Identified> {
  readonly added: readonly { readonly index: number; readonly record: T }[];
  readonly removed: readonly { readonly index: number; readonly record: T }[];
  readonly changed: readonly { readonly id: string; readonly before: Partial<T>; readonly after: Partial<T> }[];
}

const LISTS = ['images', 'candidates', 'pairs'] as const;
const SELECTIONS = ['selectedImage', 'selectedPair'] as const;

interface Entry {
  readonly label: string;
  readonly lists: { readonly [K in (typeof LISTS)[number]]?: ListDiff<Identified> };
  readonly selections: {
    readonly [K in (typeof SELECTIONS)[number]]?: { readonly before: string | null; readonly after: string | null };
  };
}

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
    const lists: Record<string, ListDiff<Identified>> = {};
    for (const key of LISTS) {
      const diff = diffList<Identified>(before[key], after[key]);
      if (diff && diff.added.length + diff.removed.length + diff.changed.length > 0) lists[key] = diff;
    }
    if (Object.keys(lists).length === 0) return;
    const selections: Record<string, { before: string | null; after: string | null }> = {};
    for (const key of SELECTIONS) {
      if (before[key] !== after[key]) selections[key] = { before: before[key], after: after[key] };
    }
    this.#past.push({ label, lists, selections });
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

  /** Forgets everything: after a workspace was replaced. */
  clear(): void {
    this.#past = [];
    this.#future = [];
    this.#publish();
  }

  #step(from: Entry[], to: Entry[], direction: 'undo' | 'redo'): boolean {
    const entry = from.pop();
    if (!entry) return false;
    to.push(entry);
    this.#store.update((state) => {
      let next = state;
      for (const key of LISTS) {
        const diff = entry.lists[key];
        if (diff) next = { ...next, [key]: applyDiff<Identified>(next[key], diff, direction) };
      }
      for (const key of SELECTIONS) {
        const change = entry.selections[key];
        if (change) next = { ...next, [key]: direction === 'undo' ? change.before : change.after };
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
