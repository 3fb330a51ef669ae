/**
 * Fetches one model file: byte progress, cancellation, a cache for remote files, and checks that turn a missing,
 * truncated or altered file into a `ModelFileError` that names it and says what to do.
 */
import { CancelledError, ModelFileError } from '../errors.ts';

export interface FileRequest {
  readonly url: string;
  /** Name for people, e.g. `toybox-vlm/model.safetensors`. */
  readonly name: string;
  /** Exact size, where the catalog knows it. */
  readonly bytes?: number;
  /** Lower-case hex, where the catalog knows it. */
  readonly sha256?: string;
  /** Remote files are kept in the Cache API; bundled ones are left to the HTTP cache. */
  readonly remote: boolean;
}

export interface FileOptions {
  readonly signal?: AbortSignal;
  /** `total` is undefined until the catalog or the server tells. */
  readonly onBytes?: (done: number, total: number | undefined) => void;
}

/** The server does not have the file. */
export class MissingFileError extends ModelFileError {}

const CACHE = 'margin-models';

/**
 * The bytes of a file, checked.
 * @throws {ModelFileError} missing, truncated, altered, or unreachable.
 * @throws {CancelledError} when the signal fires.
 */
export async function loadFile(request: FileRequest, options: FileOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  // Storage that is switched off or broken must not stop the session either.
  const cache = request.remote && 'caches' in globalThis ? await caches.open(CACHE).catch(() => undefined) : undefined;
  const cached = await cachedBytes(cache, request.url);
  if (cached) {
    if (!(await damage(cached, request))) {
      options.onBytes?.(cached.length, cached.length);
      return cached;
    }
    await cache!.delete(request.url).catch(() => {}); // a broken cache stops no load
  }
  const bytes = await download(request, options);
  const problem = await damage(bytes, request);
  if (problem) throw new ModelFileError(problem, request.name);
  await cache?.put(request.url, new Response(bytes)).catch(() => {
    // A full disk must not stop the session: the file is simply fetched again next time.
  });
  return bytes;
}

/** What the cache has; undefined where it has nothing, or its file can no longer be read. */
async function cachedBytes(cache: Cache | undefined, url: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const cached = await cache?.match(url);
    return cached && new Uint8Array(await cached.arrayBuffer());
  } catch {
    return undefined;
  }
}

/** The parsed JSON of a file, checked as `loadFile` does. */
export async function loadJson<T>(request: FileRequest, options: FileOptions = {}): Promise<T> {
  return parseJson<T>(await loadFile(request, options), request.name);
}

/** @throws {ModelFileError} when the bytes are not JSON. */
export function parseJson<T>(bytes: Uint8Array, name: string): T {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch (cause) {
    throw new ModelFileError(`${name} is not valid JSON. ${REMEDY}`, name, { cause });
  }
}

const REMEDY = 'Nothing you made is lost. Reload the page to fetch it again; if it stays, restore the models folder.';

async function download(request: FileRequest, options: FileOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { name, url } = request;
  try {
    const response = await fetch(url, { signal: options.signal });
    if (!response.ok) {
      throw new MissingFileError(
        `${name} is missing: the server answered ${response.status} for ${url}. ${REMEDY}`,
        name,
      );
    }
    // A single-page server answers an unknown path with its index page.
    if (response.headers.get('content-type')?.startsWith('text/html')) {
      throw new MissingFileError(`${name} is missing: the server sent a web page in place of ${url}. ${REMEDY}`, name);
    }
    return await readAll(response, request, options);
  } catch (error) {
    if (error instanceof ModelFileError) throw error;
    if (options.signal?.aborted)
      throw new CancelledError('Loading was cancelled. Files already fetched are kept.', name);
    const detail = error instanceof Error ? error.message : String(error);
    throw new ModelFileError(
      `${name} could not be fetched (${detail}). Check the connection and try again; files already fetched are kept.`,
      name,
      { cause: error },
    );
  }
}

async function readAll(
  response: Response,
  request: FileRequest,
  options: FileOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  // With a content encoding the header counts compressed bytes.
  const header = response.headers.get('content-encoding') ? null : response.headers.get('content-length');
  const total = request.bytes ?? (header ? Number(header) : undefined);
  const chunks: Uint8Array[] = [];
  let done = 0;
  const reader = response.body!.getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    chunks.push(chunk.value);
    done += chunk.value.length;
    options.onBytes?.(done, total);
    // A server may send without an end: what is longer than the catalog says is damaged already.
    if (request.bytes !== undefined && done > request.bytes) {
      await reader.cancel();
      break;
    }
  }
  const bytes = new Uint8Array(done);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/** A sentence about what is wrong with the bytes, or undefined. */
async function damage(bytes: Uint8Array<ArrayBuffer>, request: FileRequest): Promise<string | undefined> {
  const { name } = request;
  if (new TextDecoder().decode(bytes.subarray(0, 24)).startsWith('version https://git-lfs')) {
    return `${name} is a Git LFS pointer and not the file itself. Run "git lfs pull" in the project and reload.`;
  }
  if (request.bytes !== undefined && bytes.length !== request.bytes) {
    return `${name} is damaged: ${bytes.length.toLocaleString('en')} bytes arrived, the catalog says ${request.bytes.toLocaleString('en')}. ${REMEDY}`;
  }
  if (request.sha256 !== undefined && (await sha256Hex(bytes)) !== request.sha256) {
    return `${name} is damaged: its SHA-256 is not the one in the catalog. ${REMEDY}`;
  }
  return undefined;
}

/** Lower-case hex SHA-256. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
