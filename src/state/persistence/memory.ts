/** Storage in memory: for tests, and for browsers that refuse any other. */
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

export class MemoryRecords implements Records {
  values = new Map<string, unknown>();
  lists: Record<ListName, StoredRecord[]> = { images: [], candidates: [], pairs: [] };
  aside: SetAside[] = [];

  async read() {
    return { values: structuredClone(this.values), lists: structuredClone(this.lists) };
  }

  async write(change: RecordChange): Promise<void> {
    for (const [name, value] of change.values) this.values.set(name, structuredClone(value));
    for (const { name, put, remove, order } of change.lists) {
      const known = new Map(this.lists[name].map((record) => [record.id, record]));
      for (const record of put) known.set(record.id, structuredClone(record));
      for (const id of remove) known.delete(id);
      this.lists[name] = order.flatMap((id) => known.get(id) ?? []);
    }
  }

  async generation(): Promise<number> {
    return 1;
  }

  async setAside(records: readonly SetAside[]): Promise<void> {
    this.aside.push(...structuredClone(records));
    for (const { from, id } of records) {
      if (from !== 'values') this.lists[from] = this.lists[from].filter((record) => record.id !== id);
    }
  }
}

export class MemoryNote implements Note {
  text: string | null = null;

  get(): string | null {
    return this.text;
  }

  set(text: string | null): boolean {
    this.text = text;
    return true;
  }
}

export class MemoryBytes implements Bytes {
  blobs = new Map<string, Blob>();

  async put(id: string, blob: Blob): Promise<void> {
    this.blobs.set(id, blob);
  }

  async get(id: string): Promise<Blob | undefined> {
    return this.blobs.get(id);
  }

  async keepOnly(isKept: (id: string) => boolean): Promise<void> {
    for (const id of this.blobs.keys()) if (!isKept(id)) this.blobs.delete(id);
  }
}

export class MemoryKeyValues implements KeyValues {
  map = new Map<string, unknown>();

  async get(key: string): Promise<unknown> {
    return structuredClone(this.map.get(key));
  }

  async put(key: string, value: unknown): Promise<void> {
    this.map.set(key, structuredClone(value));
  }

  async remove(key: string): Promise<void> {
    this.map.delete(key);
  }

  async keys(): Promise<string[]> {
    return [...this.map.keys()];
  }
}

export class MemoryAddress implements Address {
  #hash: string;
  #listeners = new Set<() => void>();

  constructor(hash = '') {
    this.#hash = hash;
  }

  hash(): string {
    return this.#hash;
  }

  reloaded(): boolean {
    return false;
  }

  replaceHash(hash: string): void {
    this.#hash = hash;
  }

  withHash(hash: string): string {
    return `https://margin.example/#${hash}`;
  }

  /** How often the page was opened again. */
  reloads = 0;

  reload(): void {
    this.reloads += 1;
  }

  onHash(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As if a person had changed the address. */
  visit(hash: string): void {
    this.#hash = hash;
    for (const listener of this.#listeners) listener();
  }
}

/** A backend that forgets everything with the page. Pass parts of an earlier one to play a reload. */
export function memoryBackend(parts: Partial<Backend> = {}): Backend {
  const backend: Backend = {
    records: new MemoryRecords(),
    bytes: new MemoryBytes(),
    runs: new MemoryKeyValues(),
    address: new MemoryAddress(),
    journal: new MemoryNote(),
    starts: new MemoryNote(),
    async erase() {
      const { records, bytes, runs } = backend;
      const lists = (await records.read()).lists;
      await records.write({
        values: new Map(['settings', 'view', 'adapter', 'training'].map((name) => [name, undefined])),
        lists: (Object.keys(lists) as ListName[]).map((name) => ({
          name,
          put: [],
          remove: lists[name].map(({ id }) => id),
          order: [],
        })),
      });
      await bytes.keepOnly(() => false);
      for (const key of await runs.keys()) await runs.remove(key);
      backend.starts.set(null);
      backend.journal.set(null);
    },
    claim: async () => true,
    release() {},
    askFor() {},
    onAsked() {},
    keep() {},
    ...parts,
  };
  return backend;
}
