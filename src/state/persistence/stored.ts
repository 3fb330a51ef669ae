/** What the store holds, as state: every record is looked at, and what is damaged is told apart from the rest. */

import { isObject } from '../../check.ts';
import {
  adapterSchema,
  candidateSchema,
  imageSchema,
  pairSchema,
  readRecord,
  readRecords,
  runSchema,
} from '../schemas.ts';
import type { AppState } from '../state.ts';
import { validSettings, validView } from '../validate.ts';
import type { ListName, RecordChange, SetAside, StoredRecords } from './backend.ts';
import { withChange } from './journal.ts';
import { type Restored, revive } from './restored.ts';

const SCHEMAS = { images: imageSchema, candidates: candidateSchema, pairs: pairSchema };

const idOf = (value: unknown): string => String((value as { id?: unknown } | null)?.id);
const idOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export interface ReadStore {
  /** The whole part of what is stored. */
  readonly restored: Restored;
  /** What is damaged, which belongs out of the way before anything is written. */
  readonly bad: readonly SetAside[];
  /** What `AddressFollower.written` was when it was stored. */
  readonly written: unknown;
}

/** @param noted what the page before had no time to store */
export function readStored(found: StoredRecords, noted: RecordChange | null = null): ReadStore {
  const { values, lists } = noted ? withChange(found, noted) : found;
  const bad: SetAside[] = [];
  const list = <K extends ListName>(name: K) => {
    const read = readRecords<AppState[K][number]>(SCHEMAS[name] as never, lists[name]);
    bad.push(...read.bad.map(({ value, why }) => ({ from: name, id: idOf(value), value, why })));
    return read.good;
  };
  const training = values.get('training');
  const stored = isObject(training) ? training : {};
  const runs = readRecords(runSchema, stored.runs);
  // Runs are one value: the whole ones are written again at once.
  bad.push(...runs.bad.map(({ value, why }) => ({ from: 'values', id: 'training', value, why }) as const));
  const given = values.get('adapter') ?? null;
  const adapter = given === null ? null : readRecord(adapterSchema, given);
  if (adapter && 'why' in adapter) bad.push({ from: 'values', id: 'adapter', value: given, why: adapter.why });
  return {
    restored: {
      state: {
        images: list('images'),
        candidates: list('candidates').map(revive),
        pairs: list('pairs'),
        selectedImage: idOrNull(values.get('selectedImage')),
        selectedPair: idOrNull(values.get('selectedPair')),
        adapter: adapter && 'good' in adapter ? adapter.good : null,
      },
      training: { runs: runs.good, run: idOrNull(stored.run) },
      settings: validSettings(values.get('settings')),
      view: validView(values.get('view')),
    },
    bad,
    written: values.get('address'),
  };
}
