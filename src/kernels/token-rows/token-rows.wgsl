// Formula:   rows[t] = struct Token of token t: its log-probability under the policy beside what is fixed about it
// Shapes:    logps f32 [tokens], facts f32 [tokens, 7] (old_logp .. value_target) -> rows f32 [tokens, 8]
// Work:      one lane per token
// Numerics:  a copy: the ratio of a policy to itself is exactly 1
// Gradient:  token-rows-backward
override WORKGROUP_SIZE: u32;

struct Params {
  tokens: u32,
}

@group(0) @binding(0) var<storage, read> logps: array<f32>;
@group(0) @binding(1) var<storage, read> facts: array<array<f32, 7>>;
@group(0) @binding(2) var<storage, read_write> rows: array<Token>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let t = thread.x;
  if (t >= params.tokens) {
    return;
  }
  let fact = facts[t];
  rows[t] = Token(logps[t], fact[0], fact[1], fact[2], fact[3], fact[4], fact[5], fact[6]);
}
