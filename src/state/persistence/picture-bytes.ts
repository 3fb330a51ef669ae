/** Bytes of pictures on their way to the storage: what finds no place is tried again with the next save. */
import type { ImageBytesStore } from '../images.ts';
import type { AppState } from '../state.ts';
import type { Bytes } from './backend.ts';

export interface PictureBytesHost {
  /** Whether this page is the one that saves. */
  saves(): boolean;
  /** The files of a picture that are at hand, by name. */
  files(image: string): ReadonlyMap<string, Blob>;
  stored(): void;
  failed(error: unknown): void;
}

export interface PictureBytes extends ImageBytesStore {
  /** Whether everything that was given is stored. */
  whole(): boolean;
  /** Stores what is not stored yet of these pictures. */
  storeFor(state: Pick<AppState, 'images'>): Promise<void>;
  /** Looks which of these pictures the storage has, and takes the rest for unstored. */
  check(state: Pick<AppState, 'images'>): Promise<void>;
}

/** Nothing of it throws; problems go to the host. */
export function createPictureBytes(bytes: Bytes, host: PictureBytesHost): PictureBytes {
  const unstored = new Set<string>();

  const store = async (name: string, blob: Blob): Promise<void> => {
    try {
      await bytes.put(name, blob);
      unstored.delete(name);
      host.stored();
    } catch (error) {
      host.failed(error);
    }
  };

  return {
    get: (id) => bytes.get(id),
    async put(id, blob) {
      unstored.add(id);
      if (host.saves()) await store(id, blob);
    },
    whole: () => unstored.size === 0,
    async storeFor({ images }) {
      if (unstored.size === 0) return;
      for (const { id } of images) {
        for (const [name, blob] of host.files(id)) if (unstored.has(name)) await store(name, blob);
      }
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
