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

/** The file of a value: objects, lists, strings, numbers (also those that JSON lacks), booleans, null, typed arrays. */
export function pack(value: unknown): Blob {
  const parts: BlobPart[] = [];
  let at = 0;
  const header = JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'number' && !Number.isFinite(each)) return { $number: String(each) };
    if (!isArray(each)) return each;
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
  return JSON.parse(new TextDecoder().decode(file.slice(LENGTH_BYTES, arrays)), (_, each: unknown) => {
    if (typeof each !== 'object' || each === null) return each;
    if ('$number' in each) return Number(each.$number);
    if (!isReference(each)) return each;
    const [from, to] = [arrays + each.at, arrays + each.at + each.bytes];
    if (to > file.byteLength) throw new Error(`The file ends at byte ${file.byteLength} and should reach ${to}.`);
    return new TYPES[each.$array](file.slice(from, to));
  });
}
