/**
 * The browser's own storage: records in IndexedDB, bytes of pictures and runs in the origin private file system (in
 * IndexedDB where that is missing), settings in the address.
 */
import { type DBSchema, deleteDB, type IDBPDatabase, openDB } from 'idb';
import type {
  Address,
  Backend,
  Bytes,
  KeyValues,
  ListName,
  Note,
  RecordChange,
  Records,
  SetAside,
  StoredRecord,
} from './backend.ts';
import { Folder } from './folder.ts';
import { browserLock } from './lock.ts';
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

interface Database {
  /** Opens it on first use, and again after it was closed or deleted under the page. */
  (): Promise<IDBPDatabase<Schema>>;
  /** How often it was opened. */
  opened(): number;
}

function database(name: string): Database {
  let open: Promise<IDBPDatabase<Schema>> | null = null;
  let times = 0;
  const forget = () => {
    open = null;
  };
  const get = () => {
    if (open) return open;
    times += 1;
    const opening = openDB<Schema>(name, 2, {
      upgrade(db, from) {
        if (from < 1) {
          db.createObjectStore('values');
          for (const list of LISTS) db.createObjectStore(list, { keyPath: 'id' });
          db.createObjectStore('bytes');
        }
        db.createObjectStore('runs');
      },
      // Somebody deletes it, or another version of the page wants to change it: neither is kept waiting.
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
        forget();
      },
      terminated: forget,
    });
    open = opening;
    opening.catch(() => {
      if (open === opening) forget();
    });
    return opening;
  };
  return Object.assign(get, { opened: () => times });
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
      const order = values.get(orderKey(name));
      const ids: unknown[] = Array.isArray(order) ? order : [...records.keys()];
      lists[name] = ids.flatMap((id) => records.get(String(id)) ?? []);
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
    // Now, and not when the requests have answered: by then the page may be gone.
    transaction.commit();
    await Promise.all(requests);
  }

  async generation(): Promise<number> {
    await this.#db();
    return this.#db.opened();
  }

  async setAside(records: readonly SetAside[]): Promise<void> {
    const transaction = (await this.#db()).transaction(STORES, 'readwrite');
    const values = transaction.objectStore('values');
    const requests: Promise<unknown>[] = [transaction.done];
    requests.push(values.put(records, `aside:${new Date().toISOString()}`));
    for (const { from, id } of records) if (from !== 'values') requests.push(transaction.objectStore(from).delete(id));
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
  reloaded() {
    const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    return entry?.type === 'reload';
  },
  replaceHash(hash) {
    if (location.hash.slice(1) !== hash) history.replaceState(history.state, '', `#${hash}`);
  },
  withHash(hash) {
    const url = new URL(location.href);
    url.hash = hash;
    return url.href;
  },
  reload: () => location.reload(),
  onHash(listener) {
    addEventListener('hashchange', listener);
    return () => removeEventListener('hashchange', listener);
  },
};

/** In the browser's smallest store, which needs no waiting; without one nothing is remembered. */
const noteOf = (key: string): Note => ({
  get() {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  set(text) {
    try {
      localStorage.removeItem(key);
      if (text !== null) localStorage.setItem(key, text);
      return true;
    } catch {
      return false; // there is no room, or no storage at all
    }
  },
});

/** Empties the database, or deletes one that cannot be opened. */
async function eraseDatabase(db: Database, name: string): Promise<void> {
  try {
    const opened = await db();
    const stores = [...opened.objectStoreNames];
    const transaction = opened.transaction(stores, 'readwrite');
    await Promise.all([...stores.map((store) => transaction.objectStore(store).clear()), transaction.done]);
  } catch {
    await deleteDB(name);
  }
}

/** Storage of this browser for the workspace `name`. */
export function browserBackend(name = 'margin'): Backend {
  const db = database(name);
  const folders = [`${name}-images`, `${name}-runs`] as const;
  const [starts, journal] = [noteOf(`${name}-starts`), noteOf(`${name}-journal`)];
  return {
    records: new IndexedDbRecords(db),
    journal,
    bytes: new FileBytes(db, folders[0]),
    runs: new RunFileStore(db, folders[1]),
    address,
    starts,
    async erase() {
      for (const folder of folders) await Folder.erase(folder);
      await eraseDatabase(db, name);
      starts.set(null);
      journal.set(null);
    },
    ...browserLock(`${name}-workspace`),
    keep() {
      // Refused without a word in some browsers, asked about in others; both leave the storage as it is.
      void navigator.storage?.persist?.().catch(() => {});
    },
  };
}
