// Formula:   norm = sqrt(sum of partials)
// Shapes:    partials f32 [groups] -> norm f32 [1]
// Work:      one workgroup; a lane takes every WORKGROUP_SIZE-th partial, then a tree over the lanes
// Numerics:  f32; gradients that are not finite give a norm that is not finite, which the trainer looks for
// Gradient:  none

struct Params {
  groups: u32,
}

@group(0) @binding(0) var<storage, read> partials: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  var mine = 0.0;
  for (var i = lane; i < params.groups; i += WORKGROUP_SIZE) {
    mine += partials[i];
  }
  let sum = workgroup_sum(mine, lane);
  if (lane == 0u) {
    norm[0] = sqrt(sum);
  }
}
