/**
 * Keeps the work of the page over a closed tab: what goes where is the table in `persistence/places.ts`.
 *
 * Every change is written at once: to the journal, which survives a page that dies this moment, and to the store. One
 * page of a workspace saves; another waits for it to go, and then joins its own work to what is stored. Full or refused
 * storage is told and tried again, and never stops the work.
 */

import { addressFollower, linkedBy } from './persistence/address.ts';
import type { Backend } from './persistence/backend.ts';
import { changesBetween, onlyStreaming, sameWork } from './persistence/changes.ts';
import type { Persistence, PersistenceHost } from './persistence/contract.ts';
import { decodeChange, encodeChange } from './persistence/journal.ts';
import { decodeLink, decodeView, encodeLink, linkProblems } from './persistence/link.ts';
import { createPictureBytes } from './persistence/picture-bytes.ts';
import { Problems } from './persistence/problems.ts';
import type { Restored } from './persistence/restored.ts';
import { createRetry } from './persistence/retry.ts';
import { createRunFiles } from './persistence/run-files.ts';
import { createStarts } from './persistence/starts.ts';
import { readStored } from './persistence/stored.ts';
import type { AppState } from './state.ts';

export { changesBetween } from './persistence/changes.ts';
export type * from './persistence/contract.ts';
export { mergeWork } from './persistence/merge.ts';
export * from './persistence/places.ts';
export { isQuotaError } from './persistence/problems.ts';
export { asState, type Restored, withRestored } from './persistence/restored.ts';
export type { RunFiles } from './persistence/run-files.ts';
export { MOST_FAILURES, type Starts } from './persistence/starts.ts';

/** Tokens of an answer that streams in are gathered this long: they can be sampled again. */
const GATHER_MS = 250;

/** The hash that offers to delete everything, for a page that does not get as far as its buttons. */
const RESET = 'reset';

const NO_HOST: PersistenceHost = {
  problem() {},
  setAside() {},
  joined: () => Promise.reject(new Error('no host')),
  files: () => new Map(),
};

export function createPersistence(backend: Backend): Persistence {
  const { records, bytes, address, journal } = backend;
  /** The state to be saved; null until this page may save. */
  let latest: AppState | null = null;
  /** What the store is known to hold; null for nothing. */
  let saved: AppState | null = null;
  /** What this page and the stored work have in common. */
  let base: AppState | null = null;
  let saves = false;
  /** Whether this page saves or waits for its turn. */
  let claimed = false;
  let stopped = false;
  /** Whether something was not read, whose bytes are not to be swept away. */
  let incomplete = false;
  let generation = 0;
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let writing: Promise<void> = Promise.resolve();
  let asked = false;
  const { follow, written, stop: leaveAddress } = addressFollower(address);
  let begun = () => {};
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const problems = new Problems((problem) => persistence.host.problem(problem));
  const retry = createRetry();

  const pictures = createPictureBytes(bytes, {
    saves: () => saves,
    files: (image) => persistence.host.files(image),
    stored: () => problems.set('pictures', null),
    failed(error) {
      problems.failed('pictures', error);
      retry.later(() => void flush());
    },
  });

  /** What is changed and not known to be stored outlives the page as text, until it is. False where it does not fit. */
  const note = (state: AppState): boolean => {
    const change = changesBetween(saved, state, written());
    const text = change && encodeChange(change);
    return journal.set(text) && (!change || text !== null);
  };

  const save = async (): Promise<void> => {
    clearTimeout(gathering);
    gathering = undefined;
    const state = latest;
    if (!state || !saves) return;
    try {
      const now = await records.generation();
      if (now !== generation) {
        // Emptied under the page, or a fresh one: everything is written again.
        saved = null;
        await pictures.check(state);
        generation = now;
      }
      const change = changesBetween(saved, state, written());
      // Bytes go before the records that name them; where there is no room for them, the records go alone.
      await pictures.storeFor(state);
      // Another page may have begun to save meanwhile; the journal has what is missing.
      if (!saves) return;
      if (change) await records.write(change);
      saved = state;
      problems.set('records', null);
      if (!problems.with('pictures')) retry.worked();
      if (saves && latest === state) journal.set(null);
    } catch (error) {
      problems.failed('records', error);
      retry.later(() => void flush());
    }
  };

  let queued = false;
  const flush = (): Promise<void> => {
    if (!queued) {
      queued = true;
      writing = writing.then(() => {
        queued = false;
        return save();
      });
    }
    return writing;
  };

  /** What is stored, with what the page before had no time to store. Damaged records are put out of the way. */
  const read = async (mayWrite: boolean): Promise<Restored & { readonly written: unknown }> => {
    generation = await records.generation();
    const noted = decodeChange(journal.get());
    // So that what it removes leaves the store for good. Where it cannot be written it is replayed all the same.
    if (noted && mayWrite) await records.write(noted).catch(() => {});
    const { restored, bad, written } = readStored(await records.read(), noted);
    if (bad.length > 0) incomplete = true;
    // The page that saves puts them aside, and tells it.
    if (bad.length > 0 && mayWrite) {
      const kept = await records.setAside(bad).then(
        () => true,
        () => false,
      );
      persistence.host.setAside(bad.length, kept);
    }
    return { ...restored, written };
  };

  /** This page may save from now on: what is stored comes first. */
  const join = async (): Promise<void> => {
    await started;
    if (stopped) return;
    try {
      const { written: _, ...stored } = await read(true);
      const state = await persistence.host.joined(stored, base!);
      await pictures.check(state);
    } catch (error) {
      problems.failed('records', error);
      retry.later(() => void join());
      return;
    }
    // Files before the records that name them.
    await runs.storeHeld();
    if (stopped) return;
    saved = null;
    saves = true;
    base = latest;
    problems.set('lock', null);
    await flush();
    await runs.storeHeld();
  };

  const claim = async (): Promise<boolean> => {
    claimed = true;
    const held = await backend.claim(() => void join());
    if (claimed) problems.set('lock', held ? null : { kind: 'other-tab' });
    return held;
  };

  const letGo = (): void => {
    base = latest;
    saves = false;
    claimed = false;
    backend.release();
  };

  /** Stores everything, and lets another page save. What cannot be stored stays this page's own, and it the one that saves. */
  const handOver = async (): Promise<void> => {
    while (saves && latest !== saved) {
      await flush();
      if (problems.with('records', 'pictures', 'runs')) return;
    }
    if (saves) letGo();
  };

  backend.onAsked(() => {
    void handOver().then(() => {
      if (!saves) void claim();
    });
  });

  const runs = createRunFiles(backend.runs, {
    saves: () => saves,
    complete: () => !incomplete,
    stored: () => problems.set('runs', null),
    failed: (error) => problems.failed('runs', error),
  });

  const persistence: Persistence = {
    host: NO_HOST,
    starts: createStarts(backend.starts),
    resetAsked: address.hash() === RESET,

    stop() {
      saves = false;
      stopped = true;
      leaveAddress();
      clearTimeout(gathering);
      retry.stop();
    },

    async reset() {
      persistence.stop();
      await writing;
      await backend.erase();
      address.replaceHash('');
      address.reload();
    },

    runs,
    bytes: pictures,

    async restore() {
      const unusable = linkProblems(address.hash());
      const opened = decodeView(address.hash()) ?? {};
      const held = await claim();
      try {
        const { written: own, ...stored } = await read(held);
        // An address that this page wrote itself may be a moment behind what is stored; a link never is.
        saves = held && !stopped;
        const { models, settings } = linkedBy(address, own);
        return {
          ...stored,
          settings: { ...stored.settings, ...settings },
          view: { ...stored.view, ...opened },
          models,
          problems: unusable,
        };
      } catch (error) {
        // What could not be read may still be there: nothing is written over it.
        incomplete = true;
        problems.failed('records', error);
        if (held) retry.later(() => void join());
        return { state: {}, training: {}, ...linkedBy(address), view: opened, problems: unusable };
      }
    },

    begin(state) {
      // Everything is written once: cheap, and a store that was read only in part becomes whole again.
      latest = state;
      base ??= state;
      begun();
      follow(state);
      void flush();
    },

    changed(state) {
      const before = latest;
      if (!before) return;
      latest = state;
      if (before.settings !== state.settings || before.view !== state.view) follow(state);
      if (!saves || sameWork(before, state)) return;
      if (onlyStreaming(before, state)) {
        gathering ??= setTimeout(() => void flush(), GATHER_MS);
        return;
      }
      note(state);
      void flush();
      if (!asked && state.pairs.length > before.pairs.length) {
        // There is something now that somebody made.
        asked = true;
        backend.keep();
      }
    },

    flush() {
      if (latest) follow(latest, true);
      if (saves && latest && latest !== saved) note(latest);
      return flush();
    },

    async suspend() {
      if (!saves) {
        claimed = false;
        backend.release();
      } else if (latest && note(latest) && !problems.with('records') && pictures.whole(latest)) {
        // A frozen page does not hear when a write is done. Whoever saves next reads the rest in the journal.
        letGo();
      } else await handOver();
    },

    resume() {
      if (claimed || !latest) return;
      void claim().then((held) => {
        if (held) void join();
      });
    },

    takeOver: () => backend.askFor(),

    async sweep(isKept) {
      if (!saves || incomplete) return;
      // What stays for now is tried again at the next visit.
      await bytes.keepOnly(isKept).catch(() => {});
    },

    link: ({ settings, view }) => address.withHash(encodeLink(settings, view)),

    onLink: (listener) =>
      address.onHash(() => {
        const settings = decodeLink(address.hash());
        const view = decodeView(address.hash());
        const problems = linkProblems(address.hash());
        if (Object.keys(settings).length > 0 || view || problems.length > 0) listener(settings, view, problems);
      }),
  };
  return persistence;
}
