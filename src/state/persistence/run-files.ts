/** Files of training runs: in the storage where this page saves, and in its memory until it does. */
import type { KeyValues } from './backend.ts';

export interface RunFiles {
  /** The names of a run's files. */
  names(run: string): Promise<string[]>;
  get(run: string, name: string): Promise<unknown>;
  /** Whether it is kept; where it is not, what had this name before is as it was. */
  put(run: string, name: string, value: unknown): Promise<boolean>;
  remove(run: string, name: string): Promise<void>;
  /** Forgets the files of all other runs. */
  keepOnly(runs: readonly string[]): Promise<void>;
}

export interface RunFilesHost {
  /** Whether this page is the one that saves. */
  saves(): boolean;
  /** Whether everything that is stored is known, so that the rest may go. */
  complete(): boolean;
  /** Of every kind of file that failed, one was stored since, or what failed is no longer needed. */
  stored(): void;
  failed(error: unknown): void;
}

/** What a page that does not save keeps in memory. */
const MOST_HELD_BYTES = 256 * 2 ** 20;

function bytesOf(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value !== 'object' || value === null) return 8;
  return Object.values(value).reduce((sum: number, each) => sum + bytesOf(each), 0);
}

/** Nothing of it throws; problems go to the host. `storeHeld` stores what was kept in memory. */
export function createRunFiles(files: KeyValues, host: RunFilesHost): RunFiles & { storeHeld(): Promise<void> } {
  const held = new Map<string, { readonly value: unknown; readonly bytes: number }>();

  const hold = (key: string, value: unknown): boolean => {
    const bytes = bytesOf(value);
    let sum = bytes;
    for (const [other, { bytes: size }] of held) if (other !== key) sum += size;
    if (sum > MOST_HELD_BYTES) return false;
    held.set(key, { value, bytes });
    return true;
  };
  /** Keys that failed last, by kind: a curve may find room where a checkpoint does not. */
  const failing = new Map<string, string>();
  const kindOf = (key: string): string => key.slice(key.indexOf('/')).replace(/\d+$/, '');
  const store = async (key: string, value: unknown): Promise<boolean> => {
    try {
      await files.put(key, value);
      failing.delete(kindOf(key));
      if (failing.size === 0) host.stored();
      return true;
    } catch (error) {
      failing.set(kindOf(key), key);
      host.failed(error);
      return false;
    }
  };
  const keys = async (): Promise<string[]> => [...new Set([...held.keys(), ...(await files.keys().catch(() => []))])];

  return {
    async names(run) {
      const all = await keys();
      return all.flatMap((key) => (key.startsWith(`${run}/`) ? [key.slice(run.length + 1)] : []));
    },
    async get(run, name) {
      const key = `${run}/${name}`;
      return held.get(key)?.value ?? files.get(key).catch(() => undefined);
    },
    async put(run, name, value) {
      const key = `${run}/${name}`;
      if (!host.saves()) return hold(key, value);
      // What was held of that name is older.
      held.delete(key);
      return store(key, value);
    },
    async remove(run, name) {
      held.delete(`${run}/${name}`);
      if (host.saves()) await files.remove(`${run}/${name}`).catch(() => {});
    },
    async keepOnly(runs) {
      const kept = new Set(runs);
      const isKept = (key: string) => kept.has(key.split('/')[0]);
      for (const key of held.keys()) if (!isKept(key)) held.delete(key);
      for (const [kind, key] of failing) if (!isKept(key)) failing.delete(kind);
      if (failing.size === 0) host.stored();
      if (!host.saves() || !host.complete()) return;
      for (const key of await files.keys().catch(() => [])) {
        if (!isKept(key)) await files.remove(key).catch(() => {});
      }
    },
    async storeHeld() {
      for (const [key, { value }] of held) if (await store(key, value)) held.delete(key);
    },
  };
}
