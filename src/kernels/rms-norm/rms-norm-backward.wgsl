// Formula:   dx[r, i] = ρ (gain[i] dy[r, i] - x[r, i] ρ² mean_j gain[j] dy[r, j] x[r, j]), or dx += that when ACCUMULATE
//            is 1 (residual stream), with ρ = 1 / sqrt(mean_j x[r, j]² + eps)
// Shapes:    x, dy f32 [rows, width], gain f32 [width] (frozen: no gradient) -> dx f32 [rows, width]; width % 4 = 0
// Work:      a thread writes 16 elements of a row and adds up the whole row by itself, as in rms-norm
// Numerics:  f32; eps > 0 keeps a row of zeros finite
// Gradient:  none: this is the gradient of rms-norm
override WORKGROUP_SIZE: u32;
override ACCUMULATE: u32;

const OWN_QUADS = 4u; // vec4s a thread writes

struct Params {
  width: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> gain: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let quads = params.width / 4u;
  let row_start = thread.y * quads;
  let first = thread.x * OWN_QUADS;
  if (first >= quads) {
    return;
  }

  var squares = vec4f(0.0);
  var products = vec4f(0.0);
  for (var i = 0u; i < quads; i++) {
    let value = x[row_start + i];
    squares += value * value;
    products += gain[i] * dy[row_start + i] * value;
  }
  let ones = vec4f(1.0);
  let scale = inverseSqrt(dot(squares, ones) / f32(params.width) + params.eps);
  let pull = scale * scale * dot(products, ones) / f32(params.width);

  for (var i = first; i < min(first + OWN_QUADS, quads); i++) {
    let at = row_start + i;
    let gradient = scale * (gain[i] * dy[at] - x[at] * pull);
    if (ACCUMULATE == 1u) {
      dx[at] += gradient;
    } else {
      dx[at] = gradient;
    }
  }
}
