// y = factor * x, the smallest kernel: the launcher's own tests run it.
// x, y: f32 [n]
// One thread per element, workgroups folded to two dimensions.
// f32.
// Gradient: itself.
override WORKGROUP_SIZE: u32 = 64;

struct Params {
  n: u32,
  factor: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP_SIZE + lane;
  if (i < params.n) {
    y[i] = params.factor * x[i];
  }
}
