// Formula:   partials[g] = sum of gradient² over the elements of workgroup g
// Shapes:    gradients f32 [size] -> partials f32 [groups]
// Work:      a lane takes every (groups · WORKGROUP_SIZE)-th element, then a tree over the lanes
// Numerics:  f32; each lane sums at most size / (groups · WORKGROUP_SIZE) terms one after another
// Gradient:  none

struct Params {
  size: u32,
}

@group(0) @binding(0) var<storage, read> gradients: array<f32>;
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var mine = 0.0;
  for (var i = group.x * WORKGROUP_SIZE + lane; i < params.size; i += groups.x * WORKGROUP_SIZE) {
    mine += gradients[i] * gradients[i];
  }
  let sum = workgroup_sum(mine, lane);
  if (lane == 0u) {
    partials[group.x] = sum;
  }
}
