/**
 * Half precision on the CPU side: `Float16Array` is younger than some of the browsers that have WebGPU.
 */

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** IEEE 754 binary16 bits of `value`, rounded to nearest even. */
export function toHalf(value: number): number {
  float[0] = value;
  const bits = word[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const mantissa = bits & 0x7fffff;
  if (exponent === 143) return sign | 0x7c00 | (mantissa ? 0x200 : 0);
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent > 0) return sign | roundEven((exponent << 23) | mantissa, 13);
  if (exponent < -10) return sign;
  return sign | roundEven(mantissa | 0x800000, 14 - exponent);
}

/** `bits / 2^shift`, rounded to nearest, ties to even. */
function roundEven(bits: number, shift: number): number {
  const kept = bits >>> shift;
  const rest = bits & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  return kept + (rest > half || (rest === half && kept & 1) ? 1 : 0);
}

/** The number that binary16 `bits` stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** Halves of a float array. */
export function encodeHalves(values: ArrayLike<number>): Uint16Array {
  return Uint16Array.from(values, toHalf);
}

/** Floats of an array of halves. */
export function decodeHalves(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, fromHalf);
}
