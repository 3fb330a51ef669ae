// Formula:   WPO's weight per sequence s: weights[s] = exp(mean over tokens with mask 1 of (logps - log_collision)),
//            log_collision = log Σ_v p², so a token as likely as a typical draw of the policy counts 1
// Shapes:    logps, log_collision f32 [sequences, tokens], mask u32 [sequences, tokens] (0 or 1) -> weights f32 [sequences]
// Work:      one workgroup per sequence; a lane takes every WORKGROUP_SIZE-th token, then a tree over the lanes
// Numerics:  f32; the mean of differences first, one exponential at the end
// Gradient:  none: the weight stands under a stop-gradient

struct Params {
  tokens: u32,
}

@group(0) @binding(0) var<storage, read> logps: array<f32>;
@group(0) @binding(1) var<storage, read> log_collision: array<f32>;
@group(0) @binding(2) var<storage, read> mask: array<u32>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.tokens;
  var difference = 0.0;
  var count = 0.0;
  for (var t = lane; t < params.tokens; t += WORKGROUP_SIZE) {
    // What stands at a masked position is never read: padding may hold anything.
    if (mask[start + t] != 0u) {
      difference += logps[start + t] - log_collision[start + t];
      count += 1.0;
    }
  }
  let total = workgroup_sum(difference, lane);
  let length = workgroup_sum(count, lane);
  if (lane == 0u) {
    weights[group.x] = exp(total / max(length, 1.0));
  }
}
