// Formula:   divergence of two next-token distributions, part 2 of 2: over the parts of the vocabulary, (m, s, u) of
//            policy and reference joined; with g = (m - m') + log(s / s'), the difference of the log-sum-exps,
//            KL(policy ‖ reference) = u / s - g and KL(reference ‖ policy) = u' / s' + g (nats)
// Shapes:    partials f32 [parts, tokens, 2, 4] -> kl_to_reference, kl_from_reference f32 [tokens], lse f32 [2, tokens]
// Work:      one workgroup per token: its threads merge every WORKGROUP_SIZE-th part, then pairwise what they have
// Numerics:  f32; g is never the difference of two log-sum-exps, so a small divergence keeps its digits
// Gradient:  head-divergence-backward
override WORKGROUP_SIZE: u32;  // a power of two
const LOWEST = -1e30;          // below every logit, far from overflow

struct Params {
  parts: u32,
  tokens: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> kl_to_reference: array<f32>;
@group(0) @binding(2) var<storage, read_write> kl_from_reference: array<f32>;
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

/// log(a / b) for positive numbers, precise also where they are close: 2 atanh((a - b) / (a + b)).
fn log_quotient(a: f32, b: f32) -> f32 {
  let s = (a - b) / (a + b);
  return select(log(a) - log(b), 2.0 * s * atanh_series(s * s), abs(s) < 1.0 / 3.0);
}

var<workgroup> policies: array<vec3f, WORKGROUP_SIZE>; // (m, s, u)
var<workgroup> references: array<vec3f, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let token = group.x;
  policies[thread] = vec3f(LOWEST, 0.0, 0.0);
  references[thread] = vec3f(LOWEST, 0.0, 0.0);
  for (var part = thread; part < params.parts; part += WORKGROUP_SIZE) {
    let at = 2u * (part * params.tokens + token);
    policies[thread] = merge(policies[thread], partials[at].xyz);
    references[thread] = merge(references[thread], partials[at + 1u].xyz);
  }
  workgroupBarrier();
  for (var count = WORKGROUP_SIZE / 2u; count > 0u; count /= 2u) {
    if (thread < count) {
      policies[thread] = merge(policies[thread], policies[thread + count]);
      references[thread] = merge(references[thread], references[thread + count]);
    }
    workgroupBarrier();
  }
  if (thread > 0u) {
    return;
  }

  let policy = policies[0];
  let reference = references[0];
  let gap = (policy.x - reference.x) + log_quotient(policy.y, reference.y);
  kl_to_reference[token] = max(policy.z / policy.y - gap, 0.0);
  kl_from_reference[token] = max(reference.z / reference.y + gap, 0.0);
  lse[token] = policy.x + log(policy.y);
  lse[params.tokens + token] = reference.x + log(reference.y);
}
