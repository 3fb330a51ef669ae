// Formula:   y[r, i] = gain[i] · x[r, i] / sqrt(mean_j x[r, j]² + eps)
// Shapes:    x f32 [rows, width], gain f32 [width] -> y f32 [rows, width]; width % 4 = 0
// Work:      a thread writes 16 elements of a row and adds up the row's squares by itself: more products, but no barrier
// Numerics:  f32 throughout; eps > 0 keeps a row of zeros finite
// Gradient:  rms-norm-backward
override WORKGROUP_SIZE: u32;

const OWN_QUADS = 4u; // vec4s a thread writes

struct Params {
  width: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let quads = params.width / 4u;
  let row_start = thread.y * quads;
  let first = thread.x * OWN_QUADS;
  if (first >= quads) {
    return;
  }

  var sums = vec4f(0.0);
  for (var i = 0u; i < quads; i++) {
    sums += x[row_start + i] * x[row_start + i];
  }
  let mean = (sums.x + sums.y + sums.z + sums.w) / f32(params.width);
  let scale = inverseSqrt(mean + params.eps);

  for (var i = first; i < min(first + OWN_QUADS, quads); i++) {
    y[row_start + i] = gain[i] * (x[row_start + i] * scale);
  }
}
