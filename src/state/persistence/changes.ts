/** What must be written when the state has changed. */
import type { AppState } from '../state.ts';
import type { ListName, RecordChange, StoredRecord } from './backend.ts';
import { type Place, TRAINING_PLACES, VIEW_PLACES } from './places.ts';

const LISTS: readonly ListName[] = ['images', 'candidates', 'pairs'];

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
