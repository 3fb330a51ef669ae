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

/** Whether two states hold the same work: nothing of what is kept was replaced. */
export function sameWork(a: AppState, b: AppState): boolean {
  return (
    LISTS.every((name) => a[name] === b[name]) &&
    a.settings === b.settings &&
    a.selectedImage === b.selectedImage &&
    a.selectedPair === b.selectedPair &&
    a.adapter === b.adapter &&
    a.training.runs === b.training.runs &&
    a.training.run === b.training.run &&
    a.view === b.view
  );
}

/** Whether no more has changed than answers that go on streaming in. */
export function onlyStreaming(before: AppState, state: AppState): boolean {
  if (before.candidates.length !== state.candidates.length) return false;
  if (!sameWork({ ...before, candidates: state.candidates }, state)) return false;
  return state.candidates.every((now, i) => {
    const was = before.candidates[i];
    return was === now || (was.id === now.id && was.status === 'streaming' && now.status === 'streaming');
  });
}

/**
 * What must be written so that the store holds `state`, given that it holds `saved`. Null when nothing.
 * @param written what the page wrote into its address, to tell a link from it at the next start
 */
export function changesBetween(
  saved: AppState | null,
  state: AppState,
  written?: readonly string[],
): RecordChange | null {
  const before = saved ? valuesOf(saved) : new Map();
  const values = new Map(
    [...valuesOf(state)].filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(before.get(key))),
  );
  if (written && (values.has('settings') || !saved)) values.set('address', written);
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
