/**
 * What is changed but not known to be stored, as text: written at once with every change, read at the next start, gone
 * when the store has it. Replaying it over a store that has it already changes nothing.
 */
import { isObject } from '../../check.ts';
import type { ListName, RecordChange, StoredRecord, StoredRecords } from './backend.ts';
import { asNumbers, withAllNumbers } from './packed.ts';

const LISTS: readonly ListName[] = ['images', 'candidates', 'pairs'];

/** Longer ones (a whole workspace, which the store gets at once) would fill the few megabytes there are. */
const LONGEST = 1_000_000;

const isStored = (value: unknown): value is StoredRecord => isObject(value) && typeof value.id === 'string';
const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

/** The change as text; null where it is too long. */
export function encodeChange({ values, lists }: RecordChange): string | null {
  const text = JSON.stringify({ values: [...values], lists }, withAllNumbers);
  return text.length <= LONGEST ? text : null;
}

/** @returns null where the text is not a change. Its records are not looked into. */
export function decodeChange(text: string | null): RecordChange | null {
  let change: unknown;
  try {
    change = text && JSON.parse(text, asNumbers);
  } catch {
    return null;
  }
  if (!isObject(change) || !Array.isArray(change.values) || !Array.isArray(change.lists)) return null;
  const values = change.values.filter((each): each is [string, unknown] => Array.isArray(each) && each.length === 2);
  return {
    values: new Map(values),
    lists: change.lists.filter(isObject).flatMap(({ name, put, remove, order }) => {
      const list = LISTS.find((each) => each === name);
      if (!list || !Array.isArray(put)) return [];
      return { name: list, put: put.filter(isStored), remove: strings(remove), order: strings(order) };
    }),
  };
}

/** What the store would hold with the change. */
export function withChange({ values, lists }: StoredRecords, change: RecordChange): StoredRecords {
  const next = { ...lists };
  for (const { name, put, remove, order } of change.lists) {
    const known = new Map([...lists[name], ...put].map((record) => [record.id, record]));
    for (const id of remove) known.delete(id);
    next[name] = order.flatMap((id) => known.get(id) ?? []);
  }
  return { values: new Map([...values, ...change.values]), lists: next };
}
