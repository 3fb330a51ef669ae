/**
 * ZIP archives (APPNOTE 6.3): written stored, because pictures are compressed already; read stored or deflated
 * (`unzip.ts`), so that a workspace somebody unpacked, edited and packed again still opens.
 */

import { crc32 } from './crc32.ts';
import { InputError } from './errors.ts';
import { CENTRAL, END, LOCAL } from './unzip.ts';

export { MOST_UNPACKED, openZip, unzip, type ZipEntry } from './unzip.ts';

/** Names are UTF-8. */
const UTF8_FLAG = 0x0800;
/** 1980-01-01: archives of the same content have the same bytes. */
const DOS_DATE = 0x0021;

/** What the fields of an archive without ZIP64 can count; the last value of each means "see ZIP64". */
const MOST_FILES = 0xfffe;
const MOST_BYTES = 0xfffffffe;

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

/** CRC of a blob, read in parts: a large one is never in memory as a whole. */
async function crcOf(blob: Blob): Promise<number> {
  let crc = 0;
  const reader = blob.stream().getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) crc = crc32(part.value, crc);
  return crc;
}

/**
 * Packs files by name. The contents stay where they are: the archive is made of the blobs given.
 * @throws InputError for more than such an archive can hold (4 GiB, 65,534 files).
 */
export async function zip(files: ReadonlyMap<string, Blob | string>): Promise<Blob> {
  const parts: BlobPart[] = [];
  const entries: Entry[] = [];
  let offset = 0;
  for (const [path, content] of files) {
    const blob = content instanceof Blob ? content : new Blob([content]);
    const entry = { name: new TextEncoder().encode(path), crc: await crcOf(blob), size: blob.size, offset };
    const header = new DataView(new ArrayBuffer(30));
    header.setUint32(0, LOCAL, true);
    writeCommon(header, 4, entry);
    parts.push(header, entry.name, blob);
    entries.push(entry);
    offset += 30 + entry.name.length + entry.size;
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
  if (entries.length > MOST_FILES || offset > MOST_BYTES) {
    throw new InputError(
      `The export would hold ${entries.length.toLocaleString('en')} files and ${offset.toLocaleString('en')} bytes, more than one ZIP archive can. Export less at once.`,
    );
  }
  const end = new DataView(new ArrayBuffer(22));
  end.setUint32(0, END, true);
  end.setUint16(8, entries.length, true);
  end.setUint16(10, entries.length, true);
  end.setUint32(12, offset - start, true);
  end.setUint32(16, start, true);
  return new Blob([...parts, end], { type: 'application/zip' });
}
