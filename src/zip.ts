/**
 * ZIP archives (APPNOTE 6.3): written stored, because pictures are compressed already; read stored or deflated, so
 * that a workspace somebody unpacked, edited and packed again still opens.
 */

import { crc32 } from './crc32.ts';
import { InputError } from './errors.ts';

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** Names are UTF-8. */
const UTF8_FLAG = 0x0800;
/** 1980-01-01: archives of the same content have the same bytes. */
const DOS_DATE = 0x0021;

/** Protects against archives that unpack to far more than anyone packed. */
const MOST_BYTES = 2 ** 30;

interface Entry {
  readonly name: Uint8Array<ArrayBuffer>;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

/** The fields that local and central headers share, from "version needed" to "extra length". */
function writeCommon(view: DataView, at: number, { name, crc, size }: Omit<Entry, 'offset'>): void {
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, UTF8_FLAG, true);
  view.setUint16(at + 8, DOS_DATE, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, size, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, name.length, true);
}

/** Packs files by name. */
export async function zip(files: ReadonlyMap<string, Blob | string>): Promise<Blob> {
  const parts: BlobPart[] = [];
  const entries: Entry[] = [];
  let offset = 0;
  for (const [path, content] of files) {
    const bytes = new Uint8Array(await new Blob([content]).arrayBuffer());
    const entry = { name: new TextEncoder().encode(path), crc: crc32(bytes), size: bytes.length, offset };
    const header = new DataView(new ArrayBuffer(30));
    header.setUint32(0, LOCAL, true);
    writeCommon(header, 4, entry);
    parts.push(header, entry.name, bytes);
    entries.push(entry);
    offset += 30 + entry.name.length + bytes.length;
  }
  const start = offset;
  for (const entry of entries) {
    const header = new DataView(new ArrayBuffer(46));
    header.setUint32(0, CENTRAL, true);
    header.setUint16(4, 20, true);
    writeCommon(header, 6, entry);
    header.setUint32(42, entry.offset, true);
    parts.push(header, entry.name);
    offset += 46 + entry.name.length;
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, END, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, offset - start, true);
  end.setUint32(16, start, true);
  return new Blob([...parts, end], { type: 'application/zip' });
}

async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Where the central directory begins, and how many entries it has. */
function findDirectory(view: DataView): { at: number; count: number } {
  const lowest = Math.max(0, view.byteLength - 22 - 0xffff);
  for (let at = view.byteLength - 22; at >= lowest; at--) {
    if (view.getUint32(at, true) === END) {
      return { at: view.getUint32(at + 16, true), count: view.getUint16(at + 10, true) };
    }
  }
  throw new InputError('The file is not a ZIP archive, or its end is missing.');
}

/** Unpacks an archive. @throws InputError when it is not one, is cut off, or a file in it is damaged. */
export async function unzip(archive: Blob): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const bytes = new Uint8Array(await archive.arrayBuffer());
  const view = new DataView(bytes.buffer);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  let total = 0;
  try {
    let { at, count } = findDirectory(view);
    for (; count > 0; count--) {
      if (view.getUint32(at, true) !== CENTRAL) throw new RangeError('no entry');
      const method = view.getUint16(at + 10, true);
      const crc = view.getUint32(at + 16, true);
      const packed = view.getUint32(at + 20, true);
      total += view.getUint32(at + 24, true);
      const nameLength = view.getUint16(at + 28, true);
      const local = view.getUint32(at + 42, true);
      const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
      at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
      if (total > MOST_BYTES) throw new InputError('The archive unpacks to more than 1 GiB. Nothing was read.');
      if (name.endsWith('/')) continue;
      const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      const raw = bytes.slice(start, start + packed);
      const content = method === 8 ? await inflate(raw) : raw;
      if (crc32(content) !== crc) throw new InputError(`"${name}" in the archive is damaged.`, name);
      files.set(name, content);
    }
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError('The archive is cut off or damaged. Nothing was read.', undefined, { cause: error });
  }
  return files;
}
