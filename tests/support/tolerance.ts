/**
 * How close is close enough: `|actual - expected| <= atol + rtol * |expected|`. Exceptions stand beside the kernel
 * that needs them, with the reason.
 */

export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

/** f32 arithmetic against f64: a few hundred rounding steps, and `exp`/`log` good to about 3 ULP. */
export const F32: Tolerance = { atol: 1e-5, rtol: 2e-5 };

/** Sums of a thousand and more f32 products, where the terms cancel. */
export const F32_LONG_SUM: Tolerance = { atol: 1e-4, rtol: 1e-4 };

/** Values stored as f16: 11 bits of mantissa. */
export const F16: Tolerance = { atol: 1e-3, rtol: 2e-3 };

/** Values that no rounding touches: copies, gathers, integers. */
export const EXACT: Tolerance = { atol: 0, rtol: 0 };

/** Mismatches printed before the rest is counted. */
const SHOWN = 8;

/**
 * Fails with the first wrong values and how many there are.
 * @param what names the array in the message.
 */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: Tolerance = F32,
  what = 'values',
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} values where ${expected.length} are expected`);
  }
  const wrong: string[] = [];
  let count = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    // Written so that a NaN on either side counts as a mismatch.
    if (Math.abs(a - e) <= tolerance.atol + tolerance.rtol * Math.abs(e)) continue;
    if (count++ < SHOWN) wrong.push(`  [${i}] ${a}, expected ${e} (off by ${Math.abs(a - e).toExponential(2)})`);
  }
  if (count === 0) return;
  const { atol, rtol } = tolerance;
  throw new Error(
    `${what}: ${count} of ${expected.length} values are off (atol ${atol}, rtol ${rtol})\n${wrong.join('\n')}`,
  );
}

/** Largest `|actual - expected| / max(1, |expected|)`. */
export function maxError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    if (!(error <= worst)) worst = error;
  }
  return worst;
}
