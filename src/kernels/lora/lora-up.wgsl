// Formula:   y[r, o] += scale · Σ_j u[r, s · rank + j] · B[o, j], for columns o of slice s; u = x Aᵀ comes from linear
// Shapes:    u f32 [rows, slices · rank], b f32 [out, rank], slices u32 [slices, 2] = (first, end) column of y, ascending,
//            y f32 [rows, out] (read and written; columns of no slice stay); rank % 4 = 0
// Work:      a thread takes one column for 4 rows, and one row of B for all of them; grid = (out, rows / 4)
// Numerics:  f32; scale = α / r is applied to the sum
// Gradient:  lora-up-backward (u), lora-gradient (A and B)
override WORKGROUP_SIZE: u32;

const ROWS = 4u; // rows of y per thread

struct Params {
  rows: u32,
  out: u32,
  rank: u32,
  stacked: u32, // slices · rank
  slice_count: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> u: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> slices: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let column = thread.x;
  var slice = 0u;
  while (slice < params.slice_count && column >= slices[slice].y) {
    slice++;
  }
  if (slice == params.slice_count || column < slices[slice].x) {
    return;
  }
  let quads = params.rank / 4u;
  let row = thread.y * ROWS + vec4u(0u, 1u, 2u, 3u);
  // Rows past the end repeat the last one; their sums are not stored.
  let u_at = min(row, vec4u(params.rows - 1u)) * (params.stacked / 4u) + slice * quads;

  var sums = vec4f(0.0); // one per row
  for (var j = 0u; j < quads; j++) {
    sums += b[column * quads + j] * mat4x4f(u[u_at.x + j], u[u_at.y + j], u[u_at.z + j], u[u_at.w + j]);
  }

  for (var i = 0u; i < ROWS; i++) {
    if (row[i] < params.rows) {
      y[row[i] * params.out + column] += params.scale * sums[i];
    }
  }
}
