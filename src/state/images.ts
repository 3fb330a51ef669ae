/**
 * The bytes behind the image records. Records are state; bytes are not, so they live here: in memory as blobs
 * (file-backed where the browser keeps them in OPFS), written through to persistence.
 */

import type { ImageInput } from '../engine/engine.ts';
import { InputError } from '../errors.ts';

/** Where image bytes are kept between visits. */
export interface ImageBytesStore {
  put(id: string, blob: Blob): Promise<void>;
  get(id: string): Promise<Blob | undefined>;
}

/** Name under which the copy to show is kept. */
const previewOf = (id: string): string => `${id}-preview`;

export class ImageLibrary {
  #blobs = new Map<string, Blob>();
  #urls = new Map<string, string>();
  #bytes: ImageBytesStore;

  #listeners: ((id: string) => void)[] = [];

  constructor(bytes: ImageBytesStore) {
    this.#bytes = bytes;
  }

  /** Tells of a picture whose bytes are there now and were not before. */
  onAdded(listener: (id: string) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Keeps the bytes in memory at once; the promise settles when they are stored for the next visit.
   * @param preview what `url` shows instead of the bytes.
   */
  async put(id: string, blob: Blob, preview?: Blob): Promise<void> {
    if (this.#blobs.has(id)) return;
    this.#blobs.set(id, blob);
    if (preview) this.#blobs.set(previewOf(id), preview);
    for (const listener of this.#listeners) listener(id);
    await this.#bytes.put(id, blob);
    if (preview) await this.#bytes.put(previewOf(id), preview);
  }

  /** Fetches stored bytes into memory, so that `url` can answer at once. Returns the ids that are gone. */
  async preload(ids: readonly string[]): Promise<string[]> {
    const missing: string[] = [];
    await Promise.all(
      ids.map(async (id) => {
        if (this.#blobs.has(id)) return;
        const [blob, preview] = await Promise.all(
          [id, previewOf(id)].map((name) => this.#bytes.get(name).catch(() => undefined)),
        );
        if (blob) this.#blobs.set(id, blob);
        else missing.push(id);
        if (blob && preview) this.#blobs.set(previewOf(id), preview);
      }),
    );
    return missing;
  }

  has(id: string): boolean {
    return this.#blobs.has(id);
  }

  /** What is in memory of a picture, by the names under which it is stored. */
  files(id: string): Map<string, Blob> {
    return new Map(
      [id, previewOf(id)].flatMap((name) => {
        const blob = this.#blobs.get(name);
        return blob ? [[name, blob] as const] : [];
      }),
    );
  }

  /** The stored bytes. Throws `InputError` when they are gone. */
  async blob(id: string): Promise<Blob> {
    const blob = this.#blobs.get(id) ?? (await this.#bytes.get(id));
    if (!blob) throw new InputError('This picture’s file is missing. Add the picture again.', id);
    return blob;
  }

  /** What the engine needs of an image. */
  async input(id: string): Promise<ImageInput> {
    return { id, blob: await this.blob(id) };
  }

  /** An object URL of the picture, or of its copy to show, made once; '' when its bytes are gone. */
  url(id: string): string {
    const known = this.#urls.get(id);
    if (known) return known;
    const blob = this.#blobs.get(previewOf(id)) ?? this.#blobs.get(id);
    if (!blob) return '';
    const url = URL.createObjectURL(blob);
    this.#urls.set(id, url);
    return url;
  }

  /** Releases the object URLs. */
  dispose(): void {
    for (const url of this.#urls.values()) URL.revokeObjectURL(url);
    this.#urls.clear();
  }
}
