/** Which folder of a ZIP is the adapter: what people zip is the folder of a run as often as the adapter's own. */
import { InputError } from '../../errors.ts';
import { jsonExcerpt } from '../../json-excerpt.ts';
import { openZip, type ZipEntry } from '../../zip.ts';
import { CONFIG_FILE } from './peft-config.ts';

export const WEIGHTS_FILE = 'adapter_model.safetensors';
const PICKLE_FILE = 'adapter_model.bin';
const SHARD = /^adapter_model(?:-\d+-of-\d+\.safetensors|\.safetensors\.index\.json)$/;

/** Real ones have a few kilobytes. */
const MOST_CONFIG_BYTES = 2 ** 20;
/** Folders that a message lists. */
const LISTED = 5;

/**
 * The two files of the adapter in the shallowest folder that has one; TRL saves checkpoints and a second adapter below
 * the final one.
 * @throws InputError when there is none, when several are equally deep, or when it is of a kind that is not read.
 */
export async function openAdapter(archive: Blob): Promise<{ config: string; weights: Uint8Array<ArrayBuffer> }> {
  const folders = foldersOf(await openZip(archive));
  const withConfig = [...folders].filter(([, files]) => files.has(CONFIG_FILE));
  if (withConfig.length === 0) {
    throw new InputError(
      `The archive has no ${CONFIG_FILE}: it is not a PEFT adapter. Zip the folder that save_pretrained wrote.`,
      CONFIG_FILE,
    );
  }
  const adapters = withConfig.filter(([, files]) => [...files.keys()].some(holdsWeights));
  if (adapters.length === 0) {
    throw new InputError(
      `The archive has no ${WEIGHTS_FILE} beside ${CONFIG_FILE}. Zip the whole folder of the adapter.`,
      WEIGHTS_FILE,
    );
  }
  const least = Math.min(...adapters.map(([folder]) => depth(folder)));
  const [[folder, files], ...others] = adapters.filter(([path]) => depth(path) === least);
  if (others.length > 0) {
    const paths = [folder, ...others.map(([path]) => path)].sort();
    const list = paths.slice(0, LISTED).map(jsonExcerpt).join(', ');
    const more = paths.length > LISTED ? `, and ${paths.length - LISTED} more` : '';
    throw new InputError(`The archive has ${paths.length} adapters: ${list}${more}. Zip the folder of one of them.`);
  }
  const weights = files.get(WEIGHTS_FILE);
  if (!weights) throw otherFormat(files);
  return {
    config: new TextDecoder().decode(await files.get(CONFIG_FILE)!.read(MOST_CONFIG_BYTES)),
    weights: await weights.read(),
  };
}

/** The files by folder (`''`, or a path that ends with `/`) and name. */
function foldersOf(entries: ReadonlyMap<string, ZipEntry>): Map<string, Map<string, ZipEntry>> {
  const folders = new Map<string, Map<string, ZipEntry>>();
  for (const [path, entry] of entries) {
    const at = path.lastIndexOf('/') + 1;
    const folder = path.slice(0, at);
    const files = folders.get(folder) ?? new Map<string, ZipEntry>();
    folders.set(folder, files.set(path.slice(at), entry));
  }
  return folders;
}

const depth = (folder: string): number => folder.split('/').length;

const holdsWeights = (name: string): boolean => name === WEIGHTS_FILE || name === PICKLE_FILE || SHARD.test(name);

function otherFormat(files: ReadonlyMap<string, ZipEntry>): InputError {
  if (files.has(PICKLE_FILE)) {
    return new InputError(
      `The weights are in ${PICKLE_FILE}, a Python pickle, which can run any code when it is opened and is not read here. Save the adapter with safe_serialization=True.`,
      PICKLE_FILE,
    );
  }
  return new InputError(
    `The weights are split into several files (${[...files.keys()].find((name) => SHARD.test(name))}); only one ${WEIGHTS_FILE} is read. Save the adapter with a larger max_shard_size.`,
    WEIGHTS_FILE,
  );
}
