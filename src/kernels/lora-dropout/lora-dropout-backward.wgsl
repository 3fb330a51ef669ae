// Formula:   dx[r, i] += Σ_s kept(s, r, i) · dy[r, s, i] / (1 - p), with the masks of lora-dropout, made again
// Shapes:    dy f32 [rows, slices, width], dx f32 [rows, width] (read and written); width % 4 = 0
// Work:      one thread per 4 elements of dx, which walks the slices; grid = (width / 4, rows)
// Numerics:  f32 sums in the order of s
// Gradient:  none: this is the gradient of lora-dropout
override WORKGROUP_SIZE: u32;

struct Params {
  slices: u32,
  width: u32,
  key: u32,
  threshold: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let quads = params.width / 4u;
  let quad = thread.x;
  let row = thread.y;
  if (quad >= quads) {
    return;
  }
  var sum = vec4f(0.0);
  for (var slice = 0u; slice < params.slices; slice++) {
    let kept = kept4(row_key(params.key, slice, row), 4u * quad, params.threshold);
    sum += kept * dy[(row * params.slices + slice) * quads + quad];
  }
  dx[row * quads + quad] += params.scale * sum;
}
