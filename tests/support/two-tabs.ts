/** Pages of one workspace, in memory: one of them saves, the others wait for it to let go. */
import type { Backend } from '../../src/state/persistence/backend.ts';
import { memoryBackend } from '../../src/state/persistence/memory.ts';

/** Backends over one storage. A page that finds another saving is told so at once. */
export function sharedBackends(): () => Backend {
  const storage = memoryBackend();
  let holder: object | null = null;
  const waiting: { readonly page: object; readonly granted: () => void }[] = [];
  const asked: { readonly page: object; readonly listener: () => void }[] = [];

  const next = () => {
    const first = waiting.shift();
    holder = first?.page ?? null;
    first?.granted();
  };
  return () => {
    const page = {};
    return {
      ...memoryBackend(),
      records: storage.records,
      journal: storage.journal,
      bytes: storage.bytes,
      runs: storage.runs,
      async claim(granted) {
        if (holder && holder !== page) {
          waiting.push({ page, granted });
          return false;
        }
        holder = page;
        return true;
      },
      release() {
        const index = waiting.findIndex((each) => each.page === page);
        if (index >= 0) waiting.splice(index, 1);
        if (holder === page) next();
      },
      askFor() {
        const saving = holder;
        for (const each of asked) if (each.page === saving) each.listener();
      },
      onAsked(listener) {
        asked.push({ page, listener });
      },
    };
  };
}
