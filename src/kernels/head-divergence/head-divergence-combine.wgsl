// Formula:   divergence of two next-token distributions, part 2 of 2: over the parts of the vocabulary, (m, s, u) of
//            policy and reference joined; with g = (m - m') + log(s / s'), the difference of the log-sum-exps,
//            KL(policy ‖ reference) = u / s - g and KL(reference ‖ policy) = u' / s' + g (nats)
// Shapes:    partials f32 [parts, tokens, 2, 4] -> kl_to_reference, kl_from_reference f32 [tokens], lse f32 [2, tokens]
// Work:      one thread per token
// Numerics:  f32; g is never the difference of two log-sum-exps, so a small divergence keeps its digits
// Gradient:  head-divergence-backward
override WORKGROUP_SIZE: u32;

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

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let token = thread.x;
  if (token >= params.tokens) {
    return;
  }

  var policy = partials[2u * token].xyz;
  var reference = partials[2u * token + 1u].xyz;
  for (var part = 1u; part < params.parts; part++) {
    let at = 2u * (part * params.tokens + token);
    policy = merge(policy, partials[at].xyz);
    reference = merge(reference, partials[at + 1u].xyz);
  }

  let gap = (policy.x - reference.x) + log_quotient(policy.y, reference.y);
  kl_to_reference[token] = max(policy.z / policy.y - gap, 0.0);
  kl_from_reference[token] = max(reference.z / reference.y + gap, 0.0);
  lse[token] = policy.x + log(policy.y);
  lse[params.tokens + token] = reference.x + log(reference.y);
}
