// Formula:   scores[s] = Σ over j of hidden[s, j] · weights[j]: a linear layer with one output and no bias
// Shapes:    hidden f32 [sequences, width], weights f32 [1, width] -> scores f32 [sequences]
// Work:      one workgroup per sequence; a lane takes every WORKGROUP_SIZE-th column, then a tree over the lanes
// Numerics:  f32 sums
// Gradient:  score-head-backward

struct Params {
  width: u32,
}

@group(0) @binding(0) var<storage, read> hidden: array<f32>;
@group(0) @binding(1) var<storage, read> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> scores: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.width;
  var mine = 0.0;
  for (var j = lane; j < params.width; j += WORKGROUP_SIZE) {
    mine += hidden[start + j] * weights[j];
  }
  let total = workgroup_sum(mine, lane);
  if (lane == 0u) {
    scores[group.x] = total;
  }
}
