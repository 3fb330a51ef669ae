/** Seeded randomness for tests: the same numbers on every machine and every run. */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in [0, bound). */
  int(bound: number): number;
  /** Standard normal, by Box and Muller. */
  normal(): number;
  /** `n` normals times `scale`, as f32. */
  normals(n: number, scale?: number): Float32Array;
  /** `n` integers in [0, bound). */
  ints(n: number, bound: number): Uint32Array;
}

/** The generator sfc32, seeded with one integer. */
export function random(seed: number): Random {
  let [a, b, c, d] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, seed | 0];
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next();
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    int: (bound) => Math.floor(next() * bound),
    normal,
    normals: (n, scale = 1) => Float32Array.from({ length: n }, () => normal() * scale),
    ints: (n, bound) => Uint32Array.from({ length: n }, () => Math.floor(next() * bound)),
  };
}
