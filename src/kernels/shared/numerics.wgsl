// Scalar functions that keep their relative precision in f32. WGSL has no log1p and no expm1, its log is only good to
// an absolute 2^-21 near 1, and a shader may assume that NaN and infinity never occur: nothing here makes one.
// Largest relative errors against float64: softplus and log1mexp 3e-7, one_minus_exp 2e-7.

const LN_2: f32 = 0.69314718;

// atanh(s) / s for 0 <= s <= 1/3, with q = s*s. log(1+e) = 2 atanh(e/(2+e)): the sum never cancels.
fn atanh_series(q: f32) -> f32 {
  return 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0 + q / 13.0)))));
}

// log(1 + e^x). The plain form loses everything below x = -17.
fn softplus(x: f32) -> f32 {
  let e = exp(-abs(x));
  let s = e / (2.0 + e);
  return max(x, 0.0) + 2.0 * s * atanh_series(s * s);
}

// 1 / (1 + e^-x), precise on both tails.
fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e / (1.0 + e), 1.0 / (1.0 + e), x >= 0.0);
}

// 1 - e^a for a <= 0: a Taylor series near 0, where the subtraction would cancel.
fn one_minus_exp(a: f32) -> f32 {
  let series = -a * (1.0 + a * (1.0 / 2.0 + a * (1.0 / 6.0 + a * (1.0 / 24.0 + a * (1.0 / 120.0 + a * (1.0 / 720.0
    + a * (1.0 / 5040.0 + a * (1.0 / 40320.0 + a / 362880.0))))))));
  return select(1.0 - exp(a), series, a > -LN_2);
}

// log(1 - e^a) for a < 0.
fn log1mexp(a: f32) -> f32 {
  let e = exp(a);
  let s = e / (2.0 - e);
  let far = -2.0 * s * atanh_series(s * s);
  return select(far, log(one_minus_exp(a)), a > -LN_2);
}

// e^a - e^b without cancellation where the two are close.
fn exp_difference(a: f32, b: f32) -> f32 {
  return select(-exp(b) * one_minus_exp(a - b), exp(a) * one_minus_exp(b - a), a >= b);
}
