// Formula:   y[r, s, i] = kept(s, r, i) · x[r, i] / (1 - p): every slice s sees x with elements of its own dropped
// Shapes:    x f32 [rows, width] -> y f32 [rows, slices, width]; width % 4 = 0
// Work:      one thread per 4 elements of y; grid = (width / 4, rows, slices)
// Numerics:  f32; `scale` is 1 / (1 - p), `threshold` p · 2^32; integer hashes are the same everywhere
// Gradient:  lora-dropout-backward
override WORKGROUP_SIZE: u32;

struct Params {
  slices: u32,
  width: u32,
  key: u32,
  threshold: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let quads = params.width / 4u;
  let quad = thread.x;
  let row = thread.y;
  let slice = thread.z;
  if (quad >= quads) {
    return;
  }
  let kept = kept4(row_key(params.key, slice, row), 4u * quad, params.threshold);
  y[(row * params.slices + slice) * quads + quad] = params.scale * kept * x[row * quads + quad];
}
