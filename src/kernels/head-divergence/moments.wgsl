// The running state of an expectation under a softmax over part of the vocabulary: m = max l, s = Σ exp(l - m),
// u = Σ exp(l - m) d, with d the difference of two models' logits.

/// Merges two sets of logits, each summed against its own maximum: (m, s, u).
fn merge(a: vec3f, b: vec3f) -> vec3f {
  let m = max(a.x, b.x);
  return vec3f(m, a.yz * exp(a.x - m) + b.yz * exp(b.x - m));
}
