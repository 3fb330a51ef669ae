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

/** What the record store holds. */
export interface StoredRecords {
  readonly values: Map<string, unknown>;
  readonly lists: Record<ListName, StoredRecord[]>;
}

export interface Records {
  read(): Promise<StoredRecords>;
  /** Settles when the change is stored, all of it or nothing. Changes are stored in the order of the calls. */
  write(change: RecordChange): Promise<void>;
  /**
   * Which store this is: another number after the one before was deleted or closed under the page, when nothing is
   * known of what it holds.
   */
  generation(): Promise<number>;
  /**
   * Keeps what cannot be read under a name that nothing else writes to, and takes damaged records off their lists. Values
   * stay until they are written again.
   */
  setAside(records: readonly SetAside[]): Promise<void>;
}

/** A record, or the value of that name, that could not be read. */
export interface SetAside {
  readonly from: ListName | 'values';
  readonly id: string;
  readonly value: unknown;
  readonly why: string;
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
  /** Whether the page was loaded again in its place, and not opened by somebody. */
  reloaded(): boolean;
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
  /** Null forgets it. Returns whether it is kept; where it is not, neither is what was there before. */
  set(text: string | null): boolean;
}

export interface Backend {
  readonly records: Records;
  /** What is changed and not known to be stored. */
  readonly journal: Note;
  readonly bytes: Bytes;
  /** Checkpoints and metrics of training runs. */
  readonly runs: KeyValues;
  readonly address: Address;
  /** How the last starts went. */
  readonly starts: Note;
  /** Deletes everything above. */
  erase(): Promise<void>;
  /**
   * Asks to be the one page that saves. True once it is; false when another page has been it for a while: then
   * `granted` is called when that page lets go, however late.
   */
  claim(granted: () => void): Promise<boolean>;
  /** Lets go of the workspace, for another page to take. */
  release(): void;
  /** Asks the page that saves to let go. */
  askFor(): void;
  /** Called when another page asks this one to let go. */
  onAsked(listener: () => void): void;
  /** Asks the browser not to clear this storage by itself when room gets short. */
  keep(): void;
}
