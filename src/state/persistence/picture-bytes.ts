/** Bytes of pictures on their way to the storage: what finds no place is tried again with the next save. */
import type { ImageBytesStore } from '../images.ts';
import type { AppState } from '../state.ts';
import type { Bytes } from './backend.ts';

export interface PictureBytesHost {
  /** Whether this page is the one that saves. */
  saves(): boolean;
  /** The files of a picture that are at hand, by name. */
  files(image: string): ReadonlyMap<string, Blob>;
  /** All pictures of the state are stored. */
  stored(): void;
  failed(error: unknown): void;
}

export interface PictureBytes extends ImageBytesStore {
  /** Whether all of these pictures are stored. */
  whole(state: Pick<AppState, 'images'>): boolean;
  /** Stores what is not stored yet of these pictures. */
  storeFor(state: Pick<AppState, 'images'>): Promise<void>;
  /** Looks which of these pictures the storage has, and takes the rest for unstored. */
  check(state: Pick<AppState, 'images'>): Promise<void>;
}

/** Nothing of it throws; problems go to the host. */
export function createPictureBytes(bytes: Bytes, host: PictureBytesHost): PictureBytes {
  const unstored = new Set<string>();
  /** Those of them that a state has named: one that no state names any more was deleted, and is not missed. */
  const named = new Set<string>();

  const store = async (name: string, blob: Blob): Promise<void> => {
    try {
      await bytes.put(name, blob);
      unstored.delete(name);
    } catch (error) {
      host.failed(error);
    }
  };

  const missing = ({ images }: Pick<AppState, 'images'>): ReadonlyMap<string, Blob> =>
    new Map(
      unstored.size > 0 ? images.flatMap(({ id }) => [...host.files(id)].filter(([name]) => unstored.has(name))) : [],
    );

  return {
    get: (id) => bytes.get(id),
    async put(id, blob) {
      unstored.add(id);
      if (host.saves()) await store(id, blob);
    },
    whole: (state) => missing(state).size === 0,
    async storeFor(state) {
      for (const [name, blob] of missing(state)) {
        named.add(name);
        await store(name, blob);
      }
      const wanted = missing(state);
      if ([...unstored].every((name) => named.has(name) && !wanted.has(name))) host.stored();
    },
    async check({ images }) {
      for (const { id } of images) {
        for (const name of host.files(id).keys()) {
          if (!(await bytes.get(name).catch(() => undefined))) unstored.add(name);
        }
      }
    },
  };
}
