/** The photographs that the page brings along, as files and as the engine takes them. */
import type { ImageInput } from '../engine/engine.ts';
import type { Photograph } from '../photographs/pictures.ts';

/** @throws Error with a sentence where it cannot be fetched. */
export async function photographFile({ name, url }: Photograph): Promise<File> {
  const failed = (why: string) => new Error(`The photograph "${name}" could not be loaded (${why}). Reload the page.`);
  const response = await fetch(url).catch((error) => {
    throw failed(error instanceof Error ? error.message : String(error));
  });
  if (!response.ok) throw failed(String(response.status));
  return new File([await response.blob()], name, { type: 'image/jpeg' });
}

export async function photographInput(photograph: Photograph): Promise<ImageInput> {
  return { id: `held-out photograph ${photograph.id}`, blob: await photographFile(photograph) };
}
