/** The numbers of a model file: their format, and whether all of them are finite. */
import { ModelFileError } from '../../errors.ts';
import { jsonExcerpt } from '../../json-excerpt.ts';
import { unpackWeights, type WeightFormat } from '../../kernels/shared/weights.ts';
import type { SafetensorsEntry } from './safetensors.ts';

const FORMATS: ReadonlyMap<string, WeightFormat> = new Map([
  ['F32', 'f32'],
  ['F16', 'f16'],
  ['BF16', 'bf16'],
]);

/** Bits of the exponent in a word of 32 bits; infinities and NaN are what has all of them set. Two halves to a word. */
const EXPONENT: Readonly<Record<WeightFormat, readonly number[]>> = {
  f32: [0x7f800000],
  f16: [0x7c000000, 0x7c00],
  bf16: [0x7f800000, 0x7f80],
};

/** @throws ModelFileError for a tensor of integers, or of floats that the kernels do not read. */
export function formatOf({ name, dtype }: SafetensorsEntry, file: string): WeightFormat {
  const format = FORMATS.get(dtype);
  if (!format)
    throw new ModelFileError(`${file}: ${jsonExcerpt(name)} is ${dtype}; weights must be F32, F16 or BF16.`, file);
  return format;
}

/**
 * The bytes of tensors of one format, one after another in a fresh, aligned buffer that is a multiple of 4 bytes long.
 * @throws ModelFileError naming a tensor that holds an infinity or a NaN: everything computed with it would be NaN.
 */
export function finiteWords(entries: readonly SafetensorsEntry[], format: WeightFormat, file: string): ArrayBuffer {
  const bytes = new Uint8Array(Math.ceil(entries.reduce((sum, entry) => sum + entry.bytes.length, 0) / 4) * 4);
  let at = 0;
  for (const entry of entries) {
    bytes.set(entry.bytes, at);
    at += entry.bytes.length;
  }
  const words = new Uint32Array(bytes.buffer);
  const [high, low = 0] = EXPONENT[format];
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (low !== 0 && (word & low) === low) throw notFinite(entries, 4 * i, format, file);
    if ((word & high) === high) throw notFinite(entries, 4 * i + (low === 0 ? 0 : 2), format, file);
  }
  return bytes.buffer;
}

/** Which tensor byte `at` belongs to, and what is wrong with it. */
function notFinite(entries: readonly SafetensorsEntry[], at: number, format: WeightFormat, file: string): Error {
  let end = 0;
  const entry = entries.find(({ bytes }) => {
    end += bytes.length;
    return at < end;
  })!;
  const half = format === 'f16' ? ' Numbers above 65,504 overflow in F16: save it in F32 or BF16.' : '';
  return new ModelFileError(`${file}: ${jsonExcerpt(entry.name)} holds an infinity or a NaN.${half}`, file);
}

/** The values of one tensor as f32. @throws ModelFileError for another dtype, an infinity or a NaN. */
export function toFloats(entry: SafetensorsEntry, file: string): Float32Array {
  const format = formatOf(entry, file);
  const words = finiteWords([entry], format, file);
  if (format === 'f32') return new Float32Array(words);
  return unpackWeights(format, new Uint32Array(words)).subarray(0, entry.bytes.length / 2);
}
