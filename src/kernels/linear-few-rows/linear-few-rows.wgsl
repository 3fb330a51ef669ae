// Formula:   y[r, o] = Σ_i x[r, i] · W[o, i], or y += that when ACCUMULATE is 1: linear, for few rows (decoding)
// Shapes:    x f32 [rows, width], weights f32, f16 or bf16 [out, width] -> y f32 [rows, out]; width % 4 = 0
// Work:      reading W is the cost: a thread reads one row of W and uses each of its elements for up to 4 rows of x
// Numerics:  f32 sums in the order of i: a row does not depend on its batch
// Gradient:  linear-backward (dx = dy · W; W is frozen)
override WORKGROUP_SIZE: u32;
override ACCUMULATE: u32;

const ROWS = 4u; // rows of y per thread

struct Params {
  rows: u32,
  out: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let column = thread.x;
  if (column >= params.out) {
    return;
  }
  let quads = params.width / 4u;
  let row = thread.y * ROWS + vec4u(0u, 1u, 2u, 3u);
  // Rows past the end repeat the last one; their sums are not stored.
  let x_at = min(row, vec4u(params.rows - 1u)) * quads;

  var sums = vec4f(0.0); // one per row
  if (row.y >= params.rows) {
    for (var i = 0u; i < quads; i++) {
      sums.x += dot(weight4(column * quads + i), x[x_at.x + i]);
    }
  } else {
    for (var i = 0u; i < quads; i++) {
      let w = weight4(column * quads + i);
      sums += vec4f(dot(w, x[x_at.x + i]), dot(w, x[x_at.y + i]), dot(w, x[x_at.z + i]), dot(w, x[x_at.w + i]));
    }
  }

  for (var i = 0u; i < ROWS; i++) {
    if (row[i] < params.rows) {
      let at = row[i] * params.out + column;
      if (ACCUMULATE == 1u) {
        y[at] += sums[i];
      } else {
        y[at] = sums[i];
      }
    }
  }
}
