// Formula:   d_logps[t] = results[t].gradient, d_values[t] = results[t].value_gradient: every other fact is fixed
// Shapes:    results f32 [tokens, 4] (struct TokenLoss of `token-loss`) -> d_logps, d_values f32 [tokens]
// Work:      one lane per token
// Numerics:  a copy
// Gradient:  none (it is one)
override WORKGROUP_SIZE: u32;

struct Params {
  tokens: u32,
}

@group(0) @binding(0) var<storage, read> results: array<TokenLoss>;
@group(0) @binding(1) var<storage, read_write> d_logps: array<f32>;
@group(0) @binding(2) var<storage, read_write> d_values: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let t = thread.x;
  if (t >= params.tokens) {
    return;
  }
  d_logps[t] = results[t].gradient;
  d_values[t] = results[t].value_gradient;
}
