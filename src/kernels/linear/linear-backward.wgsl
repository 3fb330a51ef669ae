// Formula:   dx[r, i] = Σ_o dy[r, o] · W[first + o, i], or dx += that when ACCUMULATE is 1; W is frozen: no gradient
// Shapes:    dy f32 [rows, out], W f32, f16 or bf16 [weight_rows, width] -> dx f32 [rows, width]; out % 4 = width % 4 = 0;
//            first is 0, or picks a part of W's rows; past the last row of W, dy must be 0
// Work:      8 × 8 threads make 32 × 32 elements of dx, a thread 4 rows × 4 neighbouring columns, four o at a time
//            (see shared/places.wgsl)
// Numerics:  f32 sums in the order of o
// Gradient:  none: this is the gradient of linear with respect to x
override ACCUMULATE: u32;

const SIDE = 8u; // threads per side of a workgroup

struct Params {
  rows: u32,
  out: u32,
  width: u32,
  weight_rows: u32,
  first: u32,
}

@group(0) @binding(0) var<storage, read> dy: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4f>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let quads = params.width / 4u;
  let quad = block_of(group.x, local.xy, params.rows) * SIDE + local.x; // this thread's columns
  if (quad >= quads) {
    return;
  }
  let row = rows_of(group.y, local.xy, params.rows);
  // Rows past the end repeat the last one; their sums are not stored.
  let dy_at = min(row, vec4u(params.rows - 1u)) * (params.out / 4u);

  var sums = mat4x4f(); // sums[i]: 4 columns of row[i]
  for (var o = 0u; o < params.out / 4u; o++) {
    let line = params.first + 4u * o + vec4u(0u, 1u, 2u, 3u);
    let at = min(line, vec4u(params.weight_rows - 1u)) * quads + quad;
    // Four rows of W as the columns of a matrix: it times four of dy is their sum, weighted by dy.
    let w = mat4x4f(weight4(at.x), weight4(at.y), weight4(at.z), weight4(at.w));
    sums[0] += w * dy[dy_at.x + o];
    sums[1] += w * dy[dy_at.y + o];
    sums[2] += w * dy[dy_at.z + o];
    sums[3] += w * dy[dy_at.w + o];
  }

  for (var i = 0u; i < 4u; i++) {
    if (row[i] < params.rows) {
      let at = row[i] * quads + quad;
      if (ACCUMULATE == 1u) {
        dx[at] += sums[i];
      } else {
        dx[at] = sums[i];
      }
    }
  }
}
