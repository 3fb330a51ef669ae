// Formula:   y[i] += scale · x[i]
// Shapes:    x f32 [size], y f32 [size] (in place)
// Work:      one thread per element
// Numerics:  f32
// Gradient:  none
override WORKGROUP_SIZE: u32;

struct Params {
  size: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  if (thread.x < params.size) {
    y[thread.x] += params.scale * x[thread.x];
  }
}
