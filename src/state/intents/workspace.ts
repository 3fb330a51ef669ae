/** Intents that carry work out of the tab and into it. */
import { InputError } from '../../errors.ts';
import { unzip, zip } from '../../zip.ts';
import { type Context, notify, sentence, underActivity } from '../context.ts';
import { decodeImage } from '../decode.ts';
import { MIME_TYPES, readImageHeader } from '../image-header.ts';
import { sceneImage } from '../scenes.ts';
import type { ImageRecord, PairRecord } from '../state.ts';
import { isRecord, validPair, validScene, validSettings } from '../validate.ts';

const FORMAT = 'margin-workspace';
const VERSION = 1;
const INDEX = 'workspace.json';

/** Media type of stored bytes, told by the bytes themselves. */
async function mediaType(blob: Blob): Promise<string> {
  const header = readImageHeader(new Uint8Array(await blob.slice(0, 64).arrayBuffer()));
  return header ? MIME_TYPES[header.format] : 'application/octet-stream';
}

async function dataUrl(blob: Blob): Promise<string> {
  const reader = new FileReader();
  const typed = blob.slice(0, blob.size, await mediaType(blob));
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
  const { store, images, history } = context;

  /** The pictures of an archive that can still be read, under the ids they get here. */
  const readImages = async (
    listed: readonly unknown[],
    files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
    report: (done: number, total: number) => void,
  ): Promise<{ records: ImageRecord[]; ids: Map<string, string>; problems: string[] }> => {
    const records: ImageRecord[] = [];
    const ids = new Map<string, string>();
    const problems: string[] = [];
    for (const [index, entry] of listed.entries()) {
      report(index, listed.length);
      if (!isRecord(entry) || typeof entry.id !== 'string') continue;
      const name = typeof entry.name === 'string' ? entry.name.slice(0, 300) : 'picture';
      const bytes = files.get(`images/${entry.id}`);
      try {
        const scene = validScene(entry.scene);
        if (!bytes && !scene) throw new InputError(`${name} is missing from the file.`);
        // A scene is drawn anew, so that its picture and its truth cannot disagree.
        const decoded = scene ? await sceneImage(scene) : await decodeImage(new Blob([bytes!]), name);
        await images.put(decoded.id, decoded.blob);
        const { id, width, height, blob } = decoded;
        records.push({ id, name, width, height, bytes: blob.size, ...(scene ? { scene } : {}) });
        ids.set(entry.id, id);
      } catch (error) {
        problems.push(sentence(error));
      }
    }
    return { records, ids, problems };
  };

  return {
    /** Asks the tab that saves the workspace to leave that to this one. */
    saveHere(): void {
      context.persistence.takeOver();
    },

    /** The whole workspace as one file (a ZIP): settings, pictures with their scenes, pairs. */
    async exportWorkspace(): Promise<Blob> {
      const { settings, images: records, pairs } = store.state;
      const plainPairs = pairs.map(({ id, imageId, prompt, chosen, rejected, verdict, given }) => ({
        id,
        imageId,
        prompt,
        chosen,
        rejected,
        verdict,
        given,
      }));
      const index = { format: FORMAT, version: VERSION, settings, images: records, pairs: plainPairs };
      const files = new Map<string, Blob | string>([[INDEX, JSON.stringify(index, null, 1)]]);
      for (const { id } of records) {
        if (images.has(id)) files.set(`images/${id}`, await images.blob(id));
      }
      return zip(files);
    },

    /**
     * Adds the pictures and pairs of a workspace file to those here and takes over its settings. Undo takes pictures
     * and pairs out again. Returns whether anything could be read; problems become notices.
     */
    async importWorkspace(file: Blob): Promise<boolean> {
      try {
        const files = await unzip(file);
        const text = files.get(INDEX);
        const index: unknown = text && JSON.parse(new TextDecoder().decode(text));
        if (!isRecord(index) || index.format !== FORMAT) {
          throw new InputError('It is not a Margin workspace (there is no workspace.json of ours in it).');
        }
        if (index.version !== VERSION) {
          throw new InputError(`It was made by another version of Margin (format ${String(index.version)}).`);
        }
        const pictures = Array.isArray(index.images) ? index.images : [];
        const { records, ids, problems } = await underActivity(
          context,
          { kind: 'images', label: 'Opening the workspace', done: 0, total: pictures.length },
          (_signal, report) => readImages(pictures, files, report),
        );
        const listed = Array.isArray(index.pairs) ? index.pairs : [];
        const pairs = listed.flatMap((entry) => {
          const pair = validPair(entry);
          const imageId = pair && ids.get(pair.imageId);
          return imageId ? [{ ...pair, imageId }] : [];
        });
        history.record('import workspace', (state) => {
          const knownImages = new Set(state.images.map(({ id }) => id));
          const knownPairs = new Set(state.pairs.map(({ id }) => id));
          return {
            ...state,
            images: [...state.images, ...records.filter(({ id }) => !knownImages.has(id))],
            pairs: [...state.pairs, ...pairs.filter(({ id }) => !knownPairs.has(id))],
            selectedImage: state.selectedImage ?? records[0]?.id ?? null,
          };
        });
        const { vlm: _vlm, clip: _clip, ...settings } = validSettings(index.settings);
        store.update((state) => ({ ...state, settings: { ...state.settings, ...settings } }));
        const lost = listed.length - pairs.length;
        const losses = [...problems, ...(lost > 0 ? [`${lost} pairs could not be read.`] : [])].join(' ');
        notify(
          store,
          losses ? 'info' : 'success',
          `The workspace was added: ${records.length} pictures and ${pairs.length} pairs. ${losses}`.trim(),
        );
        return true;
      } catch (error) {
        const why = error instanceof SyntaxError ? 'Its workspace.json is damaged.' : sentence(error);
        notify(store, 'error', `The workspace file could not be opened. ${why} Nothing here was changed.`);
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
        notify(store, 'info', `${lost} pairs were left out of the file: the bytes of their pictures are gone.`);
      return new Blob(lines, { type: 'application/jsonl' });
    },
  };
}
