/** A folder of files in the browser's origin private file system. */

async function folderNamed(name: string): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(name, { create: true });
}

export class Folder {
  /** Deletes a folder with everything in it. */
  static async erase(name: string): Promise<void> {
    const root = await navigator.storage?.getDirectory?.().catch(() => null);
    await root?.removeEntry(name, { recursive: true }).catch(() => {});
  }

  readonly #name: string;
  #handle: FileSystemDirectoryHandle;

  private constructor(name: string, handle: FileSystemDirectoryHandle) {
    this.#name = name;
    this.#handle = handle;
  }

  /** Makes it where it is missing; null where the browser cannot write files from a page. */
  static async open(name: string): Promise<Folder | null> {
    if (!('createWritable' in (globalThis.FileSystemFileHandle?.prototype ?? {}))) return null;
    try {
      return new Folder(name, await folderNamed(name));
    } catch {
      return null; // private windows of some browsers
    }
  }

  /**
   * Writes the whole file or nothing: what had this name before stays until the new bytes are all there.
   * @throws QuotaExceededError when there is no room.
   */
  async put(name: string, blob: Blob): Promise<void> {
    const file = await this.#fileNamed(name);
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

  async #fileNamed(name: string): Promise<FileSystemFileHandle> {
    try {
      return await this.#handle.getFileHandle(name, { create: true });
    } catch (error) {
      if ((error as DOMException).name !== 'NotFoundError') throw error;
      // Somebody has cleared the site's data, the folder with it.
      this.#handle = await folderNamed(this.#name);
      return this.#handle.getFileHandle(name, { create: true });
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
    // A file being written has a neighbour that is not one of ours.
    for await (const name of this.#handle.keys()) if (!name.endsWith('.crswap')) names.push(name);
    return names;
  }
}
