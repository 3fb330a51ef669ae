/**
 * Reader of the safetensors format: an 8-byte length, a JSON header, then raw little-endian tensors
 * (https://github.com/huggingface/safetensors). Everything is checked before anything is used: a file cut short by a
 * bad network must say so, not turn into noise.
 */
import { ModelFileError } from '../../errors.ts';
import { jsonExcerpt } from '../../json-excerpt.ts';

/** Bytes per element of the dtypes the format knows; weights are read from the floats only. */
const ELEMENT_BYTES: ReadonlyMap<unknown, number> = new Map([
  ['F64', 8],
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['F8_E4M3', 1],
  ['F8_E5M2', 1],
  ['I64', 8],
  ['I32', 4],
  ['I16', 2],
  ['I8', 1],
  ['U64', 8],
  ['U32', 4],
  ['U16', 2],
  ['U8', 1],
  ['BOOL', 1],
]);

/** The format's own limit, against headers that are no headers. */
const MAX_HEADER_BYTES = 100_000_000;

export interface SafetensorsEntry {
  readonly name: string;
  /** As the file says: `F32`, `F16`, `BF16`, ... */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** A view of the file's bytes; its offset may be odd. */
  readonly bytes: Uint8Array;
}

export class Safetensors {
  readonly #entries: ReadonlyMap<string, SafetensorsEntry>;

  private constructor(
    /** Name of the file, for messages. */
    readonly file: string,
    entries: ReadonlyMap<string, SafetensorsEntry>,
    /** The header's `__metadata__`. */
    readonly metadata: Readonly<Record<string, string>>,
  ) {
    this.#entries = entries;
  }

  /**
   * Reads the header; tensors stay views of `data`.
   * @throws ModelFileError naming `file` when the file is cut short, too long or not safetensors.
   */
  static parse(data: ArrayBuffer | Uint8Array, file: string): Safetensors {
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    const { header, bodyStart } = readHeader(bytes, file);
    const body = bytes.subarray(bodyStart);
    const entries = new Map<string, SafetensorsEntry>();
    let metadata: Record<string, string> = {};
    const places: Place[] = [];
    for (const [name, value] of Object.entries(header)) {
      if (name === '__metadata__') {
        metadata = readMetadata(value, file);
        continue;
      }
      const { start, end, ...entry } = readEntry(name, value, body, file);
      places.push({ name, start, end });
      entries.set(name, entry);
    }
    checkPlaces(places, body.length, file);
    return new Safetensors(file, entries, metadata);
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * One tensor.
   * @throws ModelFileError when it is missing, or has another shape than `shape`.
   */
  get(name: string, shape?: readonly number[]): SafetensorsEntry {
    const entry = this.#entries.get(name);
    if (!entry) throw new ModelFileError(`${this.file} has no tensor ${jsonExcerpt(name)}.`, this.file);
    if (shape && (shape.length !== entry.shape.length || shape.some((dim, i) => dim !== entry.shape[i]))) {
      throw new ModelFileError(
        `${this.file}: ${jsonExcerpt(name)} has shape [${entry.shape.slice(0, 8).join(', ')}], and the configuration makes it [${shape.join(', ')}].`,
        this.file,
      );
    }
    return entry;
  }
}

function readHeader(bytes: Uint8Array, file: string): { header: Record<string, unknown>; bodyStart: number } {
  if (bytes.length < 8) throw damaged(file, `it has only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) throw damaged(file, 'it does not begin with the length of a safetensors header');
  if (8 + length > bytes.length) {
    throw damaged(file, `its header has ${length} bytes, and the file only ${bytes.length}`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length));
    const header: unknown = JSON.parse(text);
    if (typeof header !== 'object' || header === null || Array.isArray(header)) throw new Error('not an object');
    return { header: header as Record<string, unknown>, bodyStart: 8 + length };
  } catch (cause) {
    throw damaged(file, 'its header is not JSON', cause);
  }
}

interface Place {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** The format has the tensors one behind the other: no two share bytes, and no byte belongs to none. */
function checkPlaces(places: Place[], size: number, file: string): void {
  places.sort((a, b) => a.start - b.start || a.end - b.end);
  let at = 0;
  for (const { name, start, end } of places) {
    if (start !== at)
      throw damaged(file, `${jsonExcerpt(name)} begins at byte ${start}, and the tensor before ends at ${at}`);
    at = end;
  }
  if (at !== size) throw damaged(file, `its tensors end at byte ${at}, and the file holds ${size}`);
}

function readMetadata(value: unknown, file: string): Record<string, string> {
  const plain = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (plain && Object.values(value).every((text) => typeof text === 'string')) return value as Record<string, string>;
  throw damaged(file, 'its metadata are no texts');
}

function readEntry(name: string, value: unknown, body: Uint8Array, file: string): SafetensorsEntry & Place {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((item) => Number.isSafeInteger(item) && item >= 0);
  const elementBytes = ELEMENT_BYTES.get(dtype);
  if (elementBytes === undefined || !whole(shape) || !whole(offsets) || offsets.length !== 2) {
    throw damaged(file, `the header's entry for ${jsonExcerpt(name)} makes no sense`);
  }
  const [start, end] = offsets;
  const size = shape.reduce((product, dim) => product * dim, 1) * elementBytes;
  if (end - start !== size) {
    const kind = `${dtype} ${jsonExcerpt(shape).replaceAll(',', ', ')}`;
    throw damaged(file, `${jsonExcerpt(name)} is ${kind}, ${size} bytes, but is given ${end - start}`);
  }
  if (end > body.length) {
    throw damaged(file, `${jsonExcerpt(name)} ends at byte ${end} of ${body.length}: the download was cut short`);
  }
  return { name, dtype: dtype as string, shape, start, end, bytes: body.subarray(start, end) };
}

function damaged(file: string, why: string, cause?: unknown): ModelFileError {
  return new ModelFileError(`${file} is damaged: ${why}. Load it again.`, file, { cause });
}
