/** A folder of files in the browser's origin private file system. */

export class Folder {
  /** Deletes a folder with everything in it. */
  static async erase(name: string): Promise<void> {
    const root = await navigator.storage?.getDirectory?.().catch(() => null);
    await root?.removeEntry(name, { recursive: true }).catch(() => {});
  }

  readonly #handle: FileSystemDirectoryHandle;

  private constructor(handle: FileSystemDirectoryHandle) {
    this.#handle = handle;
  }

  /** Makes it where it is missing; null where the browser cannot write files from a page. */
  static async open(name: string): Promise<Folder | null> {
    if (!('createWritable' in (globalThis.FileSystemFileHandle?.prototype ?? {}))) return null;
    try {
      const root = await navigator.storage.getDirectory();
      return new Folder(await root.getDirectoryHandle(name, { create: true }));
    } catch {
      return null; // private windows of some browsers
    }
  }

  /**
   * Writes the whole file or nothing: what had this name before stays until the new bytes are all there.
   * @throws QuotaExceededError when there is no room.
   */
  async put(name: string, blob: Blob): Promise<void> {
    const file = await this.#handle.getFileHandle(name, { create: true });
    try {
      const writable = await file.createWritable();
      try {
        await writable.write(blob);
        await writable.close();
      } catch (error) {
        await writable.abort().catch(() => {});
        throw error;
      }
    } catch (error) {
      // A new name without bytes would be taken for a file at the next visit.
      if ((await file.getFile()).size === 0) await this.remove(name).catch(() => {});
      throw error;
    }
  }

  /** Undefined where there is none, and where a page closed before its first bytes were there. */
  async get(name: string): Promise<File | undefined> {
    const file = await this.#handle
      .getFileHandle(name)
      .then((handle) => handle.getFile())
      .catch(() => undefined);
    return file && file.size > 0 ? file : undefined;
  }

  /** Does nothing where there is none. */
  async remove(name: string): Promise<void> {
    await this.#handle.removeEntry(name).catch((error: DOMException) => {
      if (error.name !== 'NotFoundError') throw error;
    });
  }

  async names(): Promise<string[]> {
    const names: string[] = [];
    for await (const name of this.#handle.keys()) names.push(name);
    return names;
  }
}
