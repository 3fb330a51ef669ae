/**
 * Plain data as the bytes of a file, and back: typed arrays stand behind a header of JSON, each as it lies in memory. A
 * checkpoint is some numbers and names beside megabytes of floats.
 */

const TYPES = { Uint8Array, Float32Array, Float64Array } as const;
type TypedArray = InstanceType<(typeof TYPES)[keyof typeof TYPES]>;

/** In place of an array: bytes `[at, at + bytes)` behind the header. */
interface Reference {
  readonly $array: keyof typeof TYPES;
  readonly at: number;
  readonly bytes: number;
}

const LENGTH_BYTES = 4;

const isArray = (value: unknown): value is TypedArray => Object.values(TYPES).some((type) => value instanceof type);
const isReference = (value: unknown): value is Reference =>
  typeof value === 'object' && value !== null && '$array' in value;

/** For `JSON.stringify`: numbers that JSON lacks, as objects. */
export function withAllNumbers(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? { $number: String(value) } : value;
}

/** For `JSON.parse`: the numbers of `withAllNumbers`. */
export function asNumbers(_: string, value: unknown): unknown {
  return typeof value === 'object' && value !== null && '$number' in value ? Number(value.$number) : value;
}

/** The file of a value: objects, lists, strings, numbers (also those that JSON lacks), booleans, null, typed arrays. */
export function pack(value: unknown): Blob {
  const parts: BlobPart[] = [];
  let at = 0;
  const header = JSON.stringify(value, (key, each: unknown) => {
    if (!isArray(each)) return withAllNumbers(key, each);
    const $array = each.constructor.name as Reference['$array'];
    const reference: Reference = { $array, at, bytes: each.byteLength };
    parts.push(each as BlobPart);
    at += each.byteLength;
    return reference;
  });
  const bytes = new TextEncoder().encode(header);
  return new Blob([new Uint32Array([bytes.length]), bytes, ...parts]);
}

/** @throws Error when the file is cut short or is none of `pack`'s. */
export function unpack(file: ArrayBuffer): unknown {
  const [length] = new Uint32Array(file.slice(0, LENGTH_BYTES));
  const arrays = LENGTH_BYTES + length;
  let bytes = 0;
  return JSON.parse(new TextDecoder().decode(file.slice(LENGTH_BYTES, arrays)), (key, each: unknown) => {
    if (!isReference(each)) return asNumbers(key, each);
    const [from, to] = [arrays + each.at, arrays + each.at + each.bytes];
    if (!Object.hasOwn(TYPES, each.$array) || !(from >= arrays && to >= from)) throw new Error('The file is damaged.');
    if (to > file.byteLength) throw new Error(`The file ends at byte ${file.byteLength} and should reach ${to}.`);
    bytes += each.bytes;
    // Each array has its own bytes: what is read never takes more memory than the file.
    if (bytes > file.byteLength) throw new Error('Two arrays claim the same bytes.');
    return new TYPES[each.$array](file.slice(from, to));
  });
}
