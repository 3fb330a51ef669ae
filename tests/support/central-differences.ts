import { expectClose } from './tolerance.ts';

/** Σ a · b. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** (f(x + h) - f(x - h)) / 2h for every element of x, in f64. */
export function centralDifferences(f: (x: Float64Array) => number, at: ArrayLike<number>, h = 1e-5): Float64Array {
  const x = Float64Array.from(at);
  return x.map((value, i) => {
    x[i] = value + h;
    const above = f(x);
    x[i] = value - h;
    const below = f(x);
    x[i] = value;
    return (above - below) / (2 * h);
  });
}

/** Fails where a gradient in f64 is not the slope of f: `atol` is h² of truncation and 1e-16 / h of rounding. */
export function expectGradient(
  gradient: ArrayLike<number>,
  f: (x: Float64Array) => number,
  at: ArrayLike<number>,
  what: string,
): void {
  expectClose(gradient, centralDifferences(f, at), { atol: 1e-7, rtol: 1e-6 }, what);
}
