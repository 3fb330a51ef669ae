// The running state of a softmax over part of the vocabulary: m = max l, s = Σ exp(l - m), t = Σ exp(l - m) (l - m),
// c = Σ exp(2 (l - m)).

/// Joins two sets of logits, each summed against its own maximum: (m, s, t, c).
fn join(a: vec4f, b: vec4f) -> vec4f {
  let m = max(a.x, b.x);
  let scale_a = exp(a.x - m);
  let scale_b = exp(b.x - m);
  return vec4f(
    m,
    a.y * scale_a + b.y * scale_b,
    (a.z + a.y * (a.x - m)) * scale_a + (b.z + b.y * (b.x - m)) * scale_b,
    a.w * scale_a * scale_a + b.w * scale_b * scale_b,
  );
}
