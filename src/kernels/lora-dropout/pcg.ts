/** The integer hash of `dropout-mask.wgsl`, for keys that are made on the CPU and for the reference. */

/** A permutation of the 32-bit numbers: PCG's RXS-M-XS (O'Neill 2014). A whole number, taken modulo 2^32, to a u32. */
export function pcg(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Whole numbers, each taken modulo 2^32, as one u32. */
export const hashOf = (numbers: readonly number[]): number =>
  numbers.reduce((hash, number) => pcg((hash + (number >>> 0)) >>> 0), 0);
