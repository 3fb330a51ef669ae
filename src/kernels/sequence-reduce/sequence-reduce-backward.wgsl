// Formula:   d_policy[s, t] = d_log_ratio[s] where mask[s, t] is 1, else 0: every scored token receives its sequence's gradient
// Shapes:    d_log_ratio f32 [sequences], mask u32 [sequences, tokens] -> d_policy f32 [sequences, tokens]
// Work:      one lane per token
// Numerics:  a copy; the reference is frozen and receives nothing
// Gradient:  none (it is one)

struct Params {
  sequences: u32,
  tokens: u32,
}

@group(0) @binding(0) var<storage, read> d_log_ratio: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read_write> d_policy: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let token = id.x;
  let sequence = id.y;
  if (token < params.tokens) {
    let at = sequence * params.tokens + token;
    d_policy[at] = select(0.0, d_log_ratio[sequence], mask[at] != 0u);
  }
}
