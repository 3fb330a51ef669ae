/** ZIP archives byte by byte, as other programs write them and as nobody should. */
import { crc32 } from '../../src/crc32.ts';

export interface RawEntry {
  readonly name: string;
  readonly content?: Uint8Array<ArrayBuffer> | string;
  /** Deflated (8), stored (0), or whatever number is written in its place. */
  readonly method?: number;
  readonly flags?: number;
  /** What the headers say instead of the truth. */
  readonly size?: number;
  readonly crc?: number;
  readonly local?: number;
  /** Sizes stand behind the content, as streaming writers put them. */
  readonly descriptor?: boolean;
}

export interface RawZip {
  /** Bytes in front of the archive, which its offsets do not count. */
  readonly preamble?: Uint8Array<ArrayBuffer>;
  readonly comment?: string;
  readonly count?: number;
  readonly zip64?: boolean;
}

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

export async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function rawZip(entries: readonly RawEntry[], options: RawZip = {}): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  const put = (to: Uint8Array<ArrayBuffer>[], layout: readonly (readonly [bytes: 2 | 4, value: number])[]) => {
    const view = new DataView(new ArrayBuffer(layout.reduce((sum, [bytes]) => sum + bytes, 0)));
    let at = 0;
    for (const [bytes, value] of layout) {
      if (bytes === 2) view.setUint16(at, value, true);
      else view.setUint32(at, value, true);
      at += bytes;
    }
    to.push(new Uint8Array(view.buffer));
  };
  const length = (list: readonly Uint8Array[]) => list.reduce((sum, part) => sum + part.length, 0);
  for (const entry of entries) {
    const name = encode(entry.name);
    const content = typeof entry.content === 'string' ? encode(entry.content) : (entry.content ?? new Uint8Array(0));
    const method = entry.method ?? 0;
    const packed = method === 8 ? await deflate(content) : content;
    const crc = entry.crc ?? crc32(content);
    const size = entry.size ?? content.length;
    const flags = (entry.flags ?? 0) | (entry.descriptor ? 8 : 0);
    const local = entry.local ?? length(parts);
    const sizes = [
      [4, crc],
      [4, packed.length],
      [4, size],
    ] as const;
    const hidden = [
      [4, 0],
      [4, 0],
      [4, 0],
    ] as const;
    const common = [[2, 20], [2, flags], [2, method], [4, 0x21] as const] as const;
    put(parts, [[4, 0x04034b50], ...common, ...(entry.descriptor ? hidden : sizes), [2, name.length], [2, 0]]);
    parts.push(name, packed);
    if (entry.descriptor) put(parts, [[4, 0x08074b50], ...sizes]);
    const rest = [[2, name.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, local] as const] as const;
    put(directory, [[4, 0x02014b50], [2, 20], ...common, ...sizes, ...rest]);
    directory.push(name);
  }
  const start = length(parts);
  const bytes = length(directory);
  const count = options.count ?? entries.length;
  const end: Uint8Array<ArrayBuffer>[] = [];
  if (options.zip64) put(end, [[4, 0x07064b50], ...Array.from({ length: 4 }, () => [4, 0] as const)]);
  const comment = encode(options.comment ?? '');
  put(end, [
    [4, 0x06054b50],
    [4, 0],
    [2, count],
    [2, count],
    [4, bytes],
    [4, start],
    [2, comment.length],
  ]);
  return new Blob([options.preamble ?? new Uint8Array(0), ...parts, ...directory, ...end, comment]);
}
