/**
 * The models a person may choose: `models/catalog.json`. Bundled ones lie beside the page; hub models are fetched
 * from Hugging Face only when somebody picks them. Sizes and hashes are those of `tools/catalog.mjs`.
 */
import type { World } from '../engine/engine.ts';
import { InputError, ModelFileError } from '../errors.ts';
import { type FileOptions, type FileRequest, loadFile, loadJson, MissingFileError, parseJson } from './load-file.ts';

/** What a file is for. Each kind of model needs its own set; see `REQUIRED`. */
export type FileRole =
  | 'config'
  | 'tokenizer'
  | 'tokenizerConfig'
  | 'chatTemplate'
  | 'preprocessor'
  | 'weights'
  | 'visionEncoder'
  | 'clipVision'
  | 'clipText'
  | 'detector';

export interface CatalogFile {
  readonly role: FileRole;
  /** Path inside the model folder. */
  readonly path: string;
  readonly bytes?: number;
  readonly sha256?: string;
  /** Its absence is no error: hub folders keep the chat template in different places. */
  readonly optional?: boolean;
}

export interface CatalogEntry {
  readonly id: string;
  readonly label: string;
  readonly kind: 'vlm' | 'clip' | 'detector';
  readonly world: World;
  readonly licence: string;
  /** What it is good for, one or two sentences for the picker. */
  readonly about: string;
  readonly source:
    | { readonly type: 'bundled'; readonly path: string }
    | { readonly type: 'hub'; readonly repo: string; readonly revision: string };
  /** Rough download of a hub model whose exact sizes are not recorded. */
  readonly approximateBytes?: number;
  /** Why sizes or hashes are missing, where they are. */
  readonly note?: string;
  readonly files: readonly CatalogFile[];
}

export interface Catalog {
  readonly models: readonly CatalogEntry[];
}

const WORLDS: readonly World[] = ['toybox', 'photographs'];

export const REQUIRED: Readonly<Record<CatalogEntry['kind'], readonly FileRole[]>> = {
  vlm: ['config', 'tokenizer', 'tokenizerConfig', 'preprocessor', 'weights', 'visionEncoder'],
  clip: ['config', 'tokenizer', 'tokenizerConfig', 'preprocessor', 'clipVision', 'clipText'],
  detector: ['config', 'preprocessor', 'detector'],
};

/**
 * @param baseUrl absolute URL of the models folder, with a trailing slash.
 * @throws {ModelFileError} when the catalog is missing or unusable.
 */
export async function loadCatalog(baseUrl: string, options: FileOptions = {}): Promise<Catalog> {
  const name = 'models/catalog.json';
  const catalog = await loadJson<Catalog>({ url: new URL('catalog.json', baseUrl).href, name, remote: false }, options);
  if (!Array.isArray(catalog?.models)) throw new ModelFileError(`${name} lists no models. Restore it.`, name);
  for (const entry of catalog.models as readonly (CatalogEntry | null)[]) {
    if (
      !entry ||
      !Object.hasOwn(REQUIRED, entry.kind) ||
      !WORLDS.includes(entry.world) ||
      !Array.isArray(entry.files)
    ) {
      throw new ModelFileError(`${name} has an entry that is no model. Restore it.`, name);
    }
    const { id, kind, files } = entry;
    const missing = REQUIRED[kind].filter((role) => !files.some((file) => file.role === role));
    if (missing.length > 0) throw new ModelFileError(`${name}: ${id} lacks ${missing.join(', ')}.`, name);
    if (!entry.source) throw new ModelFileError(`${name}: ${id} has no source.`, name);
  }
  return catalog;
}

/** @throws {InputError} for an id that the catalog does not hold, or of the other kind. */
export function findModel(catalog: Catalog, id: string, kind: CatalogEntry['kind']): CatalogEntry {
  const entry = catalog.models.find((model) => model.id === id && model.kind === kind);
  if (entry) return entry;
  const known = catalog.models.filter((model) => model.kind === kind).map((model) => model.id);
  throw new InputError(`There is no ${kind} model called "${id}". Choose one of ${known.join(', ')}.`, kind);
}

/** Bytes to fetch, as far as the catalog knows. */
export function totalBytes(entry: CatalogEntry): number {
  const known = entry.files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
  return Math.max(known, entry.approximateBytes ?? 0);
}

/** How to fetch one file of a model. */
export function fileRequest(entry: CatalogEntry, file: CatalogFile, baseUrl: string): FileRequest {
  const { source } = entry;
  const remote = source.type === 'hub';
  const url = remote
    ? `https://huggingface.co/${source.repo}/resolve/${source.revision}/${file.path}`
    : new URL(`${source.path}/${file.path}`, baseUrl).href;
  return { url, name: `${entry.id}/${file.path}`, bytes: file.bytes, sha256: file.sha256, remote };
}

/** The files of one model in memory, by role. */
export class ModelFiles {
  constructor(
    readonly entry: CatalogEntry,
    private readonly contents: ReadonlyMap<FileRole, Uint8Array<ArrayBuffer>>,
  ) {}

  /** Name for messages: `toybox-vlm/config.json`. */
  name(role: FileRole): string {
    return `${this.entry.id}/${this.entry.files.find((file) => file.role === role)?.path ?? role}`;
  }

  bytes(role: FileRole): Uint8Array<ArrayBuffer> {
    return this.contents.get(role)!;
  }

  json<T>(role: FileRole): T {
    return parseJson<T>(this.bytes(role), this.name(role));
  }

  /** Text of an optional file. */
  text(role: FileRole): string | undefined {
    const bytes = this.contents.get(role);
    return bytes && new TextDecoder().decode(bytes);
  }

  get totalBytes(): number {
    let sum = 0;
    for (const bytes of this.contents.values()) sum += bytes.length;
    return sum;
  }
}

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** Bytes of this model so far; `file` is the one at work. */
  readonly onBytes?: (file: string, done: number, total: number) => void;
}

/**
 * Fetches every file of a model, one after another, checked.
 * @throws {ModelFileError} naming the file. @throws {CancelledError}
 */
export async function downloadModel(
  entry: CatalogEntry,
  baseUrl: string,
  { signal, onBytes }: DownloadOptions = {},
): Promise<ModelFiles> {
  const contents = new Map<FileRole, Uint8Array<ArrayBuffer>>();
  let before = 0;
  for (const file of entry.files) {
    const request = fileRequest(entry, file, baseUrl);
    const loading = loadFile(request, {
      signal,
      onBytes: (done, size) => {
        const total = Math.max(totalBytes(entry), before + (size ?? done));
        onBytes?.(request.name, before + done, total);
      },
    });
    const bytes = await (file.optional ? loading.catch(unlessMissing) : loading);
    if (!bytes) continue;
    contents.set(file.role, bytes);
    before += bytes.length;
  }
  return new ModelFiles(entry, contents);
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof MissingFileError) return undefined;
  throw error;
}
