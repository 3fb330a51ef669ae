/** Intents on images. */
import { SAMPLE_PHOTOGRAPHS } from '../../photographs/pictures.ts';
import { randomScene, type Scene } from '../../toybox/index.ts';
import { type Context, notify, sentence, underActivity } from '../context.ts';
import { type DecodedImage, decodeImage } from '../decode.ts';
import { photographFile } from '../photographs.ts';
import { sampleSeed, sceneImage, sceneName } from '../scenes.ts';
import type { AppState, ImageRecord } from '../state.ts';

/** How many sample scenes or photographs one press adds. */
export const SAMPLES = 4;

function nameOf(file: Blob, index: number): string {
  return file instanceof File && file.name ? file.name : `picture ${index + 1}`;
}

/** Adds records that are not there yet and selects the first of them all. */
function withImages(state: AppState, records: readonly ImageRecord[]): AppState {
  if (records.length === 0) return state;
  const known = new Set(state.images.map(({ id }) => id));
  const fresh = records.filter(({ id }) => !known.has(id));
  return { ...state, images: [...state.images, ...fresh], selectedImage: records[0].id };
}

export function imageIntents(context: Context) {
  const { store, images, history, worlds, running } = context;

  const keep = async (
    decoded: DecodedImage,
    name: string,
    known: Pick<ImageRecord, 'scene' | 'credit'> = {},
  ): Promise<ImageRecord> => {
    const { id, blob, width, height, preview, caution } = decoded;
    await images.put(id, blob, preview);
    if (caution) notify(store, 'info', caution);
    return { id, name, width, height, bytes: blob.size, ...known };
  };

  /** Adds them as one action, selects the first, and tells whose world they are of. */
  const add = (label: string, records: readonly ImageRecord[]): void => {
    const known = new Set(store.state.images.map(({ id }) => id));
    history.record(label, (state) => withImages(state, records));
    worlds.came(records.filter(({ id }) => !known.has(id)));
  };

  const addScenes = async (scenes: readonly Scene[]): Promise<ImageRecord[]> => {
    try {
      const records: ImageRecord[] = [];
      for (const scene of scenes) {
        const plain = structuredClone(scene);
        records.push(await keep(await sceneImage(plain), sceneName(plain), { scene: plain }));
      }
      add(scenes.length === 1 ? 'add scene' : 'add scenes', records);
      return records;
    } catch (error) {
      notify(store, 'error', sentence(error));
      return [];
    }
  };

  return {
    /**
     * Adds pictures. A file that cannot be used becomes a notice and harms nothing else. Settles with the records of
     * those that were added (or were there already) when all are decoded.
     */
    async addImages(files: Iterable<Blob>): Promise<ImageRecord[]> {
      const list = [...files];
      if (list.length === 0) return [];
      const records: ImageRecord[] = [];
      const label = list.length === 1 ? 'Reading a picture' : `Reading ${list.length} pictures`;
      await underActivity(context, { kind: 'images', label, done: 0, total: list.length }, async (signal, report) => {
        for (const [index, file] of list.entries()) {
          if (signal.aborted) break;
          const name = nameOf(file, index);
          try {
            records.push(await keep(await decodeImage(file, name), name));
          } catch (error) {
            notify(store, 'error', `${sentence(error)} Nothing else was changed.`);
          }
          report(index + 1, list.length);
        }
      });
      const known = new Set(store.state.images.map(({ id }) => id));
      if (records.length > 0 && records.every(({ id }) => known.has(id))) {
        notify(
          store,
          'info',
          records.length === 1
            ? `${records[0].name} is in the list already.`
            : 'These pictures are in the list already.',
        );
      }
      add(records.length === 1 ? 'add picture' : 'add pictures', records);
      if (records.length > 0) store.update((state) => ({ ...state, selectedImage: records[0].id }));
      return records;
    },

    /** Adds the picture of one Toybox scene. */
    async addScene(scene: Scene): Promise<ImageRecord | undefined> {
      return (await addScenes([scene]))[0];
    },

    /** Adds random Toybox scenes; which ones follows from the seed and from how many there are already. */
    async addSampleScenes(count: number = SAMPLES): Promise<ImageRecord[]> {
      const { settings, images: present } = store.state;
      const first = present.filter(({ scene }) => scene).length;
      return addScenes(
        Array.from({ length: count }, (_, index) => randomScene(sampleSeed(settings.seed, first + index))),
      );
    },

    /**
     * Adds sample photographs: the first of the list that are not here. When all are, it says so. Settles with the records
     * of those added.
     */
    async addSamplePhotographs(count: number = SAMPLES): Promise<ImageRecord[]> {
      const credits = new Set(store.state.images.map(({ credit }) => credit));
      const next = SAMPLE_PHOTOGRAPHS.filter(({ credit }) => !credits.has(credit)).slice(0, count);
      if (next.length === 0) {
        notify(store, 'info', `All ${SAMPLE_PHOTOGRAPHS.length} sample photographs are in the list already.`);
        return [];
      }
      // A second press while these are read would choose the same ones.
      if ([...running].some(({ kind }) => kind === 'images')) return [];
      const records: ImageRecord[] = [];
      const activity = { kind: 'images', label: 'Reading photographs', done: 0, total: next.length } as const;
      await underActivity(context, activity, async (signal, report) => {
        for (const [index, photograph] of next.entries()) {
          if (signal.aborted) break;
          const { name, credit } = photograph;
          try {
            records.push(await keep(await decodeImage(await photographFile(photograph), name), name, { credit }));
          } catch (error) {
            notify(store, 'error', sentence(error));
          }
          report(index + 1, next.length);
        }
      });
      add(records.length === 1 ? 'add photograph' : 'add photographs', records);
      return records;
    },

    /** Removes a picture with its answers and pairs; one undo brings all of them back. */
    removeImage(id: string): void {
      const index = store.state.images.findIndex((image) => image.id === id);
      if (index < 0) return;
      const pairs = store.state.pairs.filter((pair) => pair.imageId === id).length;
      history.record('delete picture', (state) => {
        const rest = state.images.toSpliced(index, 1);
        const neighbour = rest[Math.min(index, rest.length - 1)]?.id ?? null;
        const left = state.pairs.filter((pair) => pair.imageId !== id);
        return {
          ...state,
          images: rest,
          candidates: state.candidates.filter((candidate) => candidate.imageId !== id),
          pairs: left,
          selectedImage: state.selectedImage === id ? neighbour : state.selectedImage,
          selectedPair: left.some((pair) => pair.id === state.selectedPair) ? state.selectedPair : null,
        };
      });
      if (pairs > 0) {
        notify(
          store,
          'info',
          `The picture and its ${pairs === 1 ? 'pair' : `${pairs} pairs`} were deleted. Undo brings them back.`,
        );
      }
    },

    selectImage(id: string): void {
      store.update((state) =>
        state.selectedImage !== id && state.images.some((image) => image.id === id)
          ? { ...state, selectedImage: id }
          : state,
      );
    },
  };
}
