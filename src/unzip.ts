/**
 * Reader of ZIP archives that anybody may have made: stored or deflated entries, `\` in names, a preamble, data
 * descriptors. What it does not read (ZIP64, encryption, other compression) is refused for that reason. Nothing in a
 * header is believed: places must lie in the file and must not overlap, and an entry is counted while it inflates, so
 * that memory is bounded by what the file really holds.
 */
import { crc32 } from './crc32.ts';
import { InputError } from './errors.ts';
import { jsonExcerpt } from './json-excerpt.ts';

export const LOCAL = 0x04034b50;
export const CENTRAL = 0x02014b50;
export const END = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END_BYTES = 22;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;

const MIB = 2 ** 20;
/** Most files that are listed. */
const MOST_FILES = 20_000;
/** Most bytes that one entry, or all that are read at once, may unpack to. */
export const MOST_UNPACKED = 1024 * MIB;
/** What packed bytes may unpack to: far more than pictures, weights or JSON do, far less than a bomb. */
const allowance = (packed: number): number => Math.min(MOST_UNPACKED, 16 * MIB + 100 * packed);
/** Archives up to this size are read at once; of larger ones only the entries asked for. */
const SMALL = 32 * MIB;
/** Compressed bytes that are inflated at a time: one step makes at most 1,032 times as many. */
const STEP = 16 * 1024;

/** Compression methods that other programs write (APPNOTE 4.4.5). */
const METHODS: Readonly<Record<number, string>> = {
  1: 'Shrink',
  6: 'Implode',
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  20: 'Zstandard',
  93: 'Zstandard',
  95: 'XZ',
  98: 'PPMd',
  99: 'AES encryption',
};

/** One file of an archive. */
export interface ZipEntry {
  /** With `/` between folders, whatever the archive has. */
  readonly path: string;
  /** Bytes it unpacks to, as the archive says. */
  readonly size: number;
  /**
   * Unpacks it.
   * @param most bytes that the caller is ready to hold.
   * @throws InputError when it is encrypted, compressed in another way, damaged, or larger than it says or than `most`.
   */
  read(most?: number): Promise<Uint8Array<ArrayBuffer>>;
}

interface Header {
  readonly path: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly local: number;
}

type Slice = (from: number, to: number) => Promise<Uint8Array<ArrayBuffer>>;

const damaged = (cause?: unknown): InputError =>
  new InputError('The archive is cut off or damaged. Nothing was read.', undefined, { cause });

/**
 * Lists the files of an archive by path, without folders and without what macOS adds (`__MACOSX`, `._*`, `.DS_Store`).
 * @throws InputError when it is none, is damaged or contradicts itself, or is of a kind that is not read here.
 */
export async function openZip(archive: Blob): Promise<Map<string, ZipEntry>> {
  const whole = archive.size <= SMALL ? await bytesOf(archive) : undefined;
  const slice: Slice = async (from, to) => whole?.slice(from, to) ?? bytesOf(archive.slice(from, to));
  const { headers, start } = await readDirectory(slice, archive.size);
  const ends = findEnds(headers, start);
  const entries = new Map<string, ZipEntry>();
  for (const header of headers) {
    const { path, size } = header;
    if (path.endsWith('/') || isClutter(path)) continue;
    if (entries.has(path))
      throw new InputError(`The archive has two files named ${jsonExcerpt(path)}. Nothing was read.`);
    const read = (most = MOST_UNPACKED) => readEntry(slice, header, ends.get(header)!, most);
    entries.set(path, { path, size, read });
  }
  return entries;
}

/**
 * Unpacks a whole archive.
 * @throws InputError when it is none, or anything in it cannot be read.
 */
export async function unzip(archive: Blob): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  let left = allowance(archive.size);
  for (const [path, entry] of await openZip(archive)) {
    const content = await entry.read(left);
    left -= content.length;
    files.set(path, content);
  }
  return files;
}

async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw new InputError('The file could not be read: it was moved or changed. Choose it again.', undefined, { cause });
  }
}

/** Finds and reads the central directory, at the end of the archive. */
async function readDirectory(slice: Slice, size: number): Promise<{ headers: Header[]; start: number }> {
  const tailStart = Math.max(0, size - END_BYTES - 0xffff - 20);
  const tail = viewOf(await slice(tailStart, size));
  let end = tail.byteLength - END_BYTES;
  while (end >= 0 && !isEnd(tail, end)) end--;
  if (end < 0) throw new InputError('The file is not a ZIP archive, or its end is missing.');
  const count = tail.getUint16(end + 10, true);
  const bytes = tail.getUint32(end + 12, true);
  const offset = tail.getUint32(end + 16, true);
  if (end >= 20 && tail.getUint32(end - 20, true) === END64_LOCATOR) throw zip64();
  if (count === 0xffff || bytes === 0xffffffff || offset === 0xffffffff) throw zip64();
  if (tail.getUint16(end + 4, true) !== 0 || tail.getUint16(end + 8, true) !== count) {
    throw new InputError('The archive is one part of several. Pack its files into a single ZIP and try again.');
  }
  if (count > MOST_FILES) {
    const most = MOST_FILES.toLocaleString('en');
    throw new InputError(`The archive has ${count.toLocaleString('en')} files; at most ${most} are read.`);
  }
  // Something may stand in front of the archive, which its places do not count.
  const start = tailStart + end - bytes;
  const preamble = start - offset;
  if (start < 0 || preamble < 0) throw damaged();
  return { headers: readHeaders(await slice(start, start + bytes), count, preamble), start };
}

/** The comment behind the record must fit into the file: its bytes may look like a record by chance. */
const isEnd = (tail: DataView, at: number): boolean =>
  tail.getUint32(at, true) === END && at + END_BYTES + tail.getUint16(at + 20, true) <= tail.byteLength;

const zip64 = (): InputError =>
  new InputError(
    'The archive is in the ZIP64 format, which is not read here. Pack it again with fewer files, below 4 GB.',
  );

function readHeaders(directory: Uint8Array<ArrayBuffer>, count: number, preamble: number): Header[] {
  const view = viewOf(directory);
  const headers: Header[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > view.byteLength || view.getUint32(at, true) !== CENTRAL) throw damaged();
    const nameEnd = at + CENTRAL_BYTES + view.getUint16(at + 28, true);
    const next = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > view.byteLength) throw damaged();
    const [packed, size, local] = [20, 24, 42].map((field) => view.getUint32(at + field, true));
    if (packed === 0xffffffff || size === 0xffffffff || local === 0xffffffff) throw zip64();
    headers.push({
      path: plainPath(new TextDecoder().decode(directory.subarray(at + CENTRAL_BYTES, nameEnd))),
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed,
      size,
      local: local + preamble,
    });
    at = next;
  }
  return headers;
}

/** The name with `/` between folders (Windows PowerShell 5 writes `\`). @throws InputError for a place outside. */
function plainPath(name: string): string {
  const path = name.replaceAll('\\', '/').replace(/^(?:\.\/)+/, '');
  const outside = path.startsWith('/') || /^[a-z]:/i.test(path) || path.split('/').includes('..');
  if (path === '' || path.includes('\0') || outside) {
    throw new InputError(
      `The archive has an entry named ${jsonExcerpt(name)}, which is not a place inside it. Nothing was read.`,
    );
  }
  return path;
}

/** What macOS packs beside the files. */
const isClutter = (path: string): boolean => /(?:^|\/)(?:__MACOSX\/|\._|\.DS_Store$)/.test(path);

/** Where each entry ends at the latest: at the next one, or at the directory. @throws InputError where two overlap. */
function findEnds(headers: readonly Header[], directory: number): Map<Header, number> {
  const sorted = [...headers].sort((a, b) => a.local - b.local);
  const ends = new Map<Header, number>();
  for (const [i, header] of sorted.entries()) {
    const end = sorted[i + 1]?.local ?? directory;
    if (header.local + LOCAL_BYTES + header.packed > end) {
      throw new InputError(`${jsonExcerpt(header.path)} overlaps another part of the archive. Nothing was read.`);
    }
    ends.set(header, end);
  }
  return ends;
}

async function readEntry(slice: Slice, header: Header, end: number, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const { path, flags, method, crc, packed, size, local } = header;
  const name = jsonExcerpt(path);
  const refuse = (why: string): never => {
    throw new InputError(`${name} in the archive ${why}`, path);
  };
  if (flags & 0x2041) refuse('is encrypted. Pack it without a password.');
  if (method !== 0 && method !== 8) {
    const known = METHODS[method] ?? `method ${method}`;
    refuse(`is compressed with ${known}; only stored and deflated files are read. Pack it as an ordinary ZIP.`);
  }
  const head = viewOf(await slice(local, local + LOCAL_BYTES));
  if (head.byteLength < LOCAL_BYTES || head.getUint32(0, true) !== LOCAL) throw damaged();
  const start = local + LOCAL_BYTES + head.getUint16(26, true) + head.getUint16(28, true);
  if (start + packed > end || (method === 0 && packed !== size)) throw damaged();
  const limit = Math.min(most, allowance(packed));
  if (size > limit) refuse(`unpacks to ${mebibytes(size)}; at most ${mebibytes(limit)} are read. Nothing was read.`);
  const raw = await slice(start, start + packed);
  const content = method === 8 ? await inflate(raw, size, name) : raw;
  if (content.length !== size || crc32(content) !== crc) refuse('is damaged.');
  return content;
}

const mebibytes = (bytes: number): string =>
  bytes < MIB ? `${bytes.toLocaleString('en')} bytes` : `${Math.round(bytes / MIB).toLocaleString('en')} MiB`;

/** Inflates in small steps, and stops as soon as there is more than was declared. */
async function inflate(raw: Uint8Array<ArrayBuffer>, size: number, name: string): Promise<Uint8Array<ArrayBuffer>> {
  let at = 0;
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        controller.enqueue(raw.subarray(at, at + STEP));
        at += STEP;
        if (at >= raw.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const reader = source.pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      done += part.value.length;
      if (done > size) {
        void reader.cancel().catch(() => {});
        throw new InputError(
          `${name} in the archive says that it has ${size.toLocaleString('en')} bytes, and unpacks to more. It was refused while unpacking.`,
        );
      }
      parts.push(part.value);
    }
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`${name} in the archive is damaged.`, undefined, { cause });
  }
  const content = new Uint8Array(done);
  let to = 0;
  for (const part of parts) {
    content.set(part, to);
    to += part.length;
  }
  return content;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
