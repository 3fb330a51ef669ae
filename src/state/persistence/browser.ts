/**
 * The browser's own storage: records in IndexedDB, bytes of pictures and runs in the origin private file system (in
 * IndexedDB where that is missing), settings in the address.
 */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import { isOwnEntry } from './back.ts';
import type { Address, Backend, Bytes, KeyValues, ListName, RecordChange, Records, StoredRecord } from './backend.ts';
import { Folder } from './folder.ts';
import { pack, unpack } from './packed.ts';

interface Schema extends DBSchema {
  values: { key: string; value: unknown };
  images: { key: string; value: StoredRecord };
  candidates: { key: string; value: StoredRecord };
  pairs: { key: string; value: StoredRecord };
  bytes: { key: string; value: Blob };
  runs: { key: string; value: unknown };
}

const LISTS: readonly ListName[] = ['images', 'candidates', 'pairs'];
const STORES = ['values', ...LISTS] as const;
const orderKey = (name: ListName) => `order:${name}`;

type Database = () => Promise<IDBPDatabase<Schema>>;

/** Opens the database on first use, and again after the browser closed it. */
function database(name: string): Database {
  let opened: Promise<IDBPDatabase<Schema>> | null = null;
  const forget = () => {
    opened = null;
  };
  return () => {
    opened ??= openDB<Schema>(name, 2, {
      upgrade(db, from) {
        if (from < 1) {
          db.createObjectStore('values');
          for (const list of LISTS) db.createObjectStore(list, { keyPath: 'id' });
          db.createObjectStore('bytes');
        }
        db.createObjectStore('runs');
      },
      terminated: forget,
    });
    opened.catch(forget);
    return opened;
  };
}

class IndexedDbRecords implements Records {
  #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async read() {
    const transaction = (await this.#db()).transaction(STORES, 'readonly');
    const store = transaction.objectStore('values');
    const [keys, all] = await Promise.all([store.getAllKeys(), store.getAll()]);
    const values = new Map(keys.map((key, index) => [key, all[index]]));
    const lists: Record<ListName, StoredRecord[]> = { images: [], candidates: [], pairs: [] };
    for (const name of LISTS) {
      const records = new Map((await transaction.objectStore(name).getAll()).map((record) => [record.id, record]));
      const order = (values.get(orderKey(name)) ?? [...records.keys()]) as string[];
      lists[name] = order.flatMap((id) => records.get(id) ?? []);
    }
    return { values, lists };
  }

  async write(change: RecordChange): Promise<void> {
    const transaction = (await this.#db()).transaction(STORES, 'readwrite');
    const values = transaction.objectStore('values');
    const requests: Promise<unknown>[] = [transaction.done];
    for (const [key, value] of change.values) requests.push(values.put(value, key));
    for (const { name, put, remove, order } of change.lists) {
      const store = transaction.objectStore(name);
      for (const record of put) requests.push(store.put(record));
      for (const id of remove) requests.push(store.delete(id));
      requests.push(values.put([...order], orderKey(name)));
    }
    await Promise.all(requests);
  }
}

/** Picture bytes as files; in IndexedDB where the browser cannot write files from a page. */
class FileBytes implements Bytes {
  #db: Database;
  #folder: Promise<Folder | null>;

  constructor(db: Database, folder: string) {
    this.#db = db;
    this.#folder = Folder.open(folder);
  }

  async put(id: string, blob: Blob): Promise<void> {
    const folder = await this.#folder;
    if (folder) await folder.put(id, blob);
    else await (await this.#db()).put('bytes', blob, id);
  }

  async get(id: string): Promise<Blob | undefined> {
    const folder = await this.#folder;
    return (await folder?.get(id)) ?? (await this.#db()).get('bytes', id);
  }

  async keepOnly(isKept: (id: string) => boolean): Promise<void> {
    const folder = await this.#folder;
    for (const name of (await folder?.names()) ?? []) if (!isKept(name)) await folder!.remove(name);
    const db = await this.#db();
    for (const key of await db.getAllKeys('bytes')) if (!isKept(key)) await db.delete('bytes', key);
  }
}

/**
 * Checkpoints and metrics as files; in IndexedDB where the browser cannot write files from a page. There, too, earlier
 * versions of the page left theirs: these are read where they lie, until the run writes anew or goes.
 */
class RunFileStore implements KeyValues {
  #db: Database;
  #folder: Promise<Folder | null>;

  constructor(db: Database, folder: string) {
    this.#db = db;
    this.#folder = Folder.open(folder);
  }

  async get(key: string): Promise<unknown> {
    const file = await (await this.#folder)?.get(encodeURIComponent(key));
    return file ? unpack(await file.arrayBuffer()) : (await this.#db()).get('runs', key);
  }

  async put(key: string, value: unknown): Promise<void> {
    const folder = await this.#folder;
    if (!folder) {
      await (await this.#db()).put('runs', value, key);
      return;
    }
    await folder.put(encodeURIComponent(key), pack(value));
    await (await this.#db()).delete('runs', key);
  }

  async remove(key: string): Promise<void> {
    await (await this.#folder)?.remove(encodeURIComponent(key));
    await (await this.#db()).delete('runs', key);
  }

  async keys(): Promise<string[]> {
    const names = (await (await this.#folder)?.names()) ?? [];
    return [...new Set([...names.map(decodeURIComponent), ...(await (await this.#db()).getAllKeys('runs'))])];
  }
}

const address: Address = {
  hash: () => location.hash.slice(1),
  replaceHash(hash) {
    if (location.hash.slice(1) !== hash) history.replaceState(history.state, '', `#${hash}`);
  },
  withHash(hash) {
    const url = new URL(location.href);
    url.hash = hash;
    return url.href;
  },
  onHash(listener) {
    const heard = () => {
      if (!isOwnEntry()) listener();
    };
    addEventListener('hashchange', heard);
    return () => removeEventListener('hashchange', heard);
  },
};

/** A reloading page still holds the lock for a moment; a second tab holds it for good. */
const CLAIM_WAIT_MS = 1500;

/** Takes the workspace's lock for the life of the page. */
function claimLock(name: string): Promise<boolean> {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const waiting = AbortSignal.timeout(CLAIM_WAIT_MS);
    navigator.locks
      .request(name, { signal: waiting }, () => {
        resolve(true);
        return new Promise(() => {}); // held until the page goes
      })
      .catch(() => resolve(false));
  });
}

/** Storage of this browser for the workspace `name`. */
export function browserBackend(name = 'margin'): Backend {
  const db = database(name);
  return {
    records: new IndexedDbRecords(db),
    bytes: new FileBytes(db, `${name}-images`),
    runs: new RunFileStore(db, `${name}-runs`),
    address,
    claim: () => claimLock(`${name}-workspace`),
  };
}
