/** What persistence stands on, so that tests can do without a browser's storage. */
import type { ImageBytesStore } from '../images.ts';

export type ListName = 'images' | 'candidates' | 'pairs';

export interface StoredRecord {
  readonly id: string;
}

/** One atomic change of the record store. */
export interface RecordChange {
  /** Single values by name. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly lists: readonly {
    readonly name: ListName;
    readonly put: readonly StoredRecord[];
    readonly remove: readonly string[];
    /** Ids in list order. */
    readonly order: readonly string[];
  }[];
}

export interface Records {
  read(): Promise<{ values: Map<string, unknown>; lists: Record<ListName, StoredRecord[]> }>;
  write(change: RecordChange): Promise<void>;
}

export interface Bytes extends ImageBytesStore {
  /** Forgets every picture that is not kept. */
  keepOnly(isKept: (id: string) => boolean): Promise<void>;
}

/** Plain data by name. */
export interface KeyValues {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  remove(key: string): Promise<void>;
  keys(): Promise<string[]>;
}

/** The page's address. */
export interface Address {
  hash(): string;
  /** Replaces the hash without a history entry. */
  replaceHash(hash: string): void;
  /** The full address with another hash. */
  withHash(hash: string): string;
  /** Opens the page again. */
  reload(): void;
  /** Called when somebody else (a person, a link) changed the hash. */
  onHash(listener: () => void): () => void;
}

/** A short text that is read and written at once: it is there before anything else, and outlives a crash. */
export interface Note {
  get(): string | null;
  /** Null forgets it. */
  set(text: string | null): void;
}

export interface Backend {
  readonly records: Records;
  readonly bytes: Bytes;
  /** Checkpoints and metrics of training runs. */
  readonly runs: KeyValues;
  readonly address: Address;
  /** How the last starts went. */
  readonly starts: Note;
  /** Deletes everything above. */
  erase(): Promise<void>;
  /** True once this page is the one that saves; false when another tab of this workspace is. */
  claim(): Promise<boolean>;
}
