/** What persistence promises the page, and what the page does for it. */
import type { ImageBytesStore } from '../images.ts';
import type { AppState, Settings } from '../state.ts';
import type { decodeView } from './link.ts';
import type { Restored } from './restored.ts';
import type { RunFiles } from './run-files.ts';
import type { Starts } from './starts.ts';

export type PersistenceProblem =
  /** The browser gives no more room: work goes on, but is not saved. */
  | { readonly kind: 'full' }
  /** Another tab saves this workspace; this one does not. */
  | { readonly kind: 'other-tab' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** What the page does for persistence. */
export interface PersistenceHost {
  /** What stands between the work and the storage now; null as soon as everything is saved again. */
  problem(problem: PersistenceProblem | null): void;
  /** Records that could not be read; `kept`: they are out of the way, unchanged. */
  setAside(records: number, kept: boolean): void;
  /**
   * This page takes over saving after it has made changes of its own. Merges what is stored into its state, which
   * began as `base`, and returns the merged state.
   */
  joined(stored: Restored, base: AppState): Promise<AppState>;
  /** The files of a picture that are at hand, by name. */
  files(image: string): ReadonlyMap<string, Blob>;
}

export interface Persistence {
  readonly bytes: ImageBytesStore;
  /** Checkpoints and metrics of training runs. Nothing throws: problems go to the host. */
  readonly runs: RunFiles;
  host: PersistenceHost;
  readonly starts: Starts;
  /** Whether the address asks for `reset` before anything else. */
  readonly resetAsked: boolean;
  /** Saves nothing from now on: what is stored is left as it is. */
  stop(): void;
  /** Deletes everything this page has stored in the browser, and opens it again. */
  reset(): Promise<void>;
  /** What an earlier visit and the link left. Never throws: problems go to the host. */
  restore(): Promise<Restored>;
  /** Starts saving `state` and every later one passed to `changed`. */
  begin(state: AppState): void;
  /** The state changed: saves it. */
  changed(state: AppState): void;
  /** Saves what is unsaved now; settles when it is stored, or cannot be. */
  flush(): Promise<void>;
  /** The page may never run again, or not for long: saves, and lets another page save from now on. */
  suspend(): Promise<void>;
  /** The page runs again. */
  resume(): void;
  /** Asks the page that saves to leave that to this one. */
  takeOver(): void;
  /** Forgets bytes of pictures that nothing names any more. */
  sweep(isKept: (id: string) => boolean): Promise<void>;
  link(state: Pick<AppState, 'settings' | 'view'>): string;
  /** A person opened a link in this tab. Returns the unsubscribe function. */
  onLink(
    listener: (settings: Partial<Settings>, view: ReturnType<typeof decodeView>, problems: readonly string[]) => void,
  ): () => void;
}
