/** Intents that carry work out of the tab and into it. */
import { type Context, count, notify, sentence, underActivity } from '../context.ts';
import { MIME_TYPES, readImageHeader } from '../image-header.ts';
import { withoutTransparency } from '../opaque.ts';
import type { AdapterRecord, PairRecord } from '../state.ts';
import { ADAPTER_NAME } from '../training/adapter.ts';
import { MOST_RUNS } from '../training/records.ts';
import { freshRuns, withWorkspace } from '../workspace/join.ts';
import { type ReadRun, type ReadWorkspace, readWorkspace } from '../workspace/read.ts';
import { writeWorkspace } from '../workspace/write.ts';

/** Media type of stored bytes, told by the bytes themselves. */
async function mediaType(blob: Blob): Promise<string> {
  const header = readImageHeader(new Uint8Array(await blob.slice(0, 64).arrayBuffer()));
  return header ? MIME_TYPES[header.format] : 'application/octet-stream';
}

async function dataUrl(blob: Blob): Promise<string> {
  const typed = await withoutTransparency(blob.slice(0, blob.size, await mediaType(blob)));
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(typed);
  });
}

/**
 * One row of TRL's preference format for vision-language models: prompt with an image placeholder, both answers as
 * conversations.
 */
function trlRow(pair: PairRecord, image: string) {
  const answer = (text: string) => [{ role: 'assistant', content: [{ type: 'text', text }] }];
  return {
    images: [image],
    prompt: [{ role: 'user', content: [{ type: 'image' }, { type: 'text', text: pair.prompt }] }],
    chosen: answer(pair.chosen),
    rejected: answer(pair.rejected),
  };
}

export function workspaceIntents(context: Context) {
  const { store, images, history, persistence, training, worlds } = context;

  /** The adapter of the file as it is here; or why it cannot be used, as a sentence; null for none. */
  const usableAdapter = (
    read: ReadWorkspace,
    { runs, ids }: ReturnType<typeof freshRuns>,
  ): AdapterRecord | string | null => {
    const { adapter, adapters, settings } = read;
    const { state } = store;
    if (!adapter) return null;
    if (settings.vlm !== state.settings.vlm) {
      return `Its adapter belongs to ${settings.vlm}: choose that model and open the file again to use it.`;
    }
    if (state.training.phase !== 'idle') return 'Its adapter was left out, because training is under way.';
    if (adapter.run === undefined) return adapters.has(adapter.key) ? adapter : 'The file of its adapter is missing.';
    const { step } = adapter;
    const run = ids.get(adapter.run);
    const record = [...state.training.runs, ...runs.map((each) => each.record)].find(({ id }) => id === run);
    if (!record?.checkpoints.includes(step)) return `The checkpoint of its adapter (step ${step}) is missing.`;
    return { key: `${record.id}@${step}`, run: record.id, step };
  };

  /** Folders of adapters that come as files: where runs began, and the active one. */
  const adapterFolders = (runs: readonly ReadRun[], adapter: AdapterRecord | null): Set<string> =>
    new Set([
      ...runs.flatMap(({ record }) => record.from?.key ?? []),
      ...(adapter && adapter.run === undefined ? [adapter.key] : []),
    ]);

  /** Files go before the records that name them. */
  const keepFiles = async ({ adapters }: ReadWorkspace, runs: readonly ReadRun[], folders: Iterable<string>) => {
    for (const key of folders) {
      const bytes = adapters.get(key);
      if (bytes) await persistence.runs.put(key, ADAPTER_NAME, bytes);
    }
    for (const { record, files } of runs) {
      for (const [name, value] of files) await persistence.runs.put(record.id, name, value);
    }
  };

  return {
    /** Asks the tab that saves the workspace to leave that to this one. */
    saveHere(): void {
      persistence.takeOver();
    },

    /**
     * The whole workspace as one file (a ZIP): settings, pictures with their scenes, pairs, answers, runs with curves and
     * checkpoints, adapters.
     */
    async exportWorkspace(): Promise<Blob> {
      const { file, left, opens } = await writeWorkspace(store.state, images, persistence.runs);
      if (!opens) {
        const mebibytes = Math.ceil(file.size / 2 ** 20).toLocaleString('en');
        notify(
          store,
          'error',
          `The exported file has ${mebibytes} MiB, too much for Margin to open again. Everything here is kept: delete some pictures and export again, or unpack the file yourself.`,
        );
      }
      if (left > 0) {
        notify(
          store,
          'info',
          `${count(left, 'older checkpoint')} ${left === 1 ? 'was' : 'were'} left out, so that the file can be opened again.`,
        );
      }
      return file;
    },

    /**
     * Joins a workspace file to the work here: what is here already is not doubled, settings become the file's, but for
     * the models. One undo takes all of it back. Returns whether anything could be read; problems become notices.
     */
    async importWorkspace(file: Blob): Promise<boolean> {
      try {
        const read = await underActivity(
          context,
          { kind: 'images', label: 'Opening the workspace', done: 0, total: 0 },
          (_signal, report) => readWorkspace(file, images, report),
        );
        const runs = freshRuns(store.state, read);
        const before = new Set(store.state.images.map(({ id }) => id));
        const usable = usableAdapter(read, runs);
        const adapter = typeof usable === 'string' ? null : usable;
        const folders = adapterFolders(runs.runs, adapter);
        // A run that ends meanwhile forgets the files that nothing names.
        const release = history.holdFolders([...folders, ...runs.runs.map(({ record }) => record.id)]);
        try {
          await keepFiles(read, runs.runs, folders);
          const run = (read.run && runs.ids.get(read.run)) || null;
          history.record('import workspace', (state) =>
            withWorkspace(state, { read, runs: runs.runs, adapter: adapter ?? undefined, run }),
          );
        } finally {
          release();
        }
        await training.sync();
        worlds.came(read.images.filter(({ id }) => !before.has(id)));
        const losses = [
          ...read.losses,
          ...(typeof usable === 'string' ? [usable] : []),
          ...(runs.left > 0 ? [`${count(runs.left, 'run')} found no room in the list of ${MOST_RUNS}.`] : []),
        ].join(' ');
        const parts = [
          count(read.images.length, 'picture'),
          count(read.pairs.length, 'pair'),
          ...(read.candidates.length > 0 ? [count(read.candidates.length, 'answer')] : []),
          ...(runs.runs.length > 0 ? [count(runs.runs.length, 'run')] : []),
          ...(adapter ? ['its adapter'] : []),
        ];
        const what = `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
        notify(store, losses ? 'info' : 'success', `The workspace was added: ${what}. ${losses}`.trim());
        return true;
      } catch (error) {
        notify(store, 'error', `The workspace file could not be opened. ${sentence(error)} Nothing here was changed.`);
        return false;
      }
    },

    /**
     * All preferences as JSON Lines in TRL's vision preference format: `images`, `prompt`, `chosen`, `rejected`. Ties
     * are left out, because the format cannot say them; so are pairs whose picture is gone, with a notice.
     */
    async exportPairs(): Promise<Blob> {
      const lines: string[] = [];
      const urls = new Map<string, string>();
      const preferred = store.state.pairs.filter(({ verdict }) => verdict === 'preferred');
      const complete = preferred.filter(({ imageId }) => images.has(imageId));
      for (const pair of complete) {
        const url = urls.get(pair.imageId) ?? (await dataUrl(await images.blob(pair.imageId)));
        urls.set(pair.imageId, url);
        lines.push(`${JSON.stringify(trlRow(pair, url))}\n`);
      }
      const lost = preferred.length - complete.length;
      if (lost > 0)
        notify(
          store,
          'info',
          `${count(lost, 'pair')} ${lost === 1 ? 'was' : 'were'} left out of the file, because the picture is missing.`,
        );
      return new Blob(lines, { type: 'application/jsonl' });
    },
  };
}
