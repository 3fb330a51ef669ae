/** The scalar functions of the losses in float64: what `shared/numerics.wgsl` is held against. */

/** log(1 + e^x), finite for every finite x. */
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** 1 / (1 + e^-x), with full relative precision on both tails. */
export const sigmoid = (x: number): number => {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
};

/** log(1 - e^a) for a < 0 (Maechler 2012: two branches at -ln 2). */
export const log1mexp = (a: number): number => (a > -Math.LN2 ? Math.log(-Math.expm1(a)) : Math.log1p(-Math.exp(a)));
