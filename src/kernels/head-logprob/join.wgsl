// The running state of a softmax over part of the vocabulary: m = max l, s = Σ exp(l - m), t = Σ exp(l - m) (l - m).

/// Joins two sets of logits, each summed against its own maximum: (m, s, t).
fn join(a: vec3f, b: vec3f) -> vec3f {
  let m = max(a.x, b.x);
  let scale_a = exp(a.x - m);
  let scale_b = exp(b.x - m);
  return vec3f(
    m,
    a.y * scale_a + b.y * scale_b,
    (a.z + a.y * (a.x - m)) * scale_a + (b.z + b.y * (b.x - m)) * scale_b,
  );
}
