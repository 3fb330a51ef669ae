// Formula:   as linear-backward: dx[r, i] = Σ_o dy[r, o] · W[first + o, i], or dx += that when ACCUMULATE is 1
// Shapes:    dy f32 [rows, out], W f32, f16 or bf16 [weight_rows, width] -> dx f32 [rows, width]; out % 4 = width % 4 = 0
// Work:      8 × 8 threads make 32 × 32 elements of dx; dy and W pass through workgroup memory, 32 o at a time
// Numerics:  f32 sums in the order of o
// Gradient:  none: this is the gradient of linear with respect to x
override ACCUMULATE: u32;

const TILE = 32u;                           // rows, columns and o per workgroup and turn
const SIDE = 8u;                            // threads per side of a workgroup
const OWN_LINES = vec4u(0u, 8u, 16u, 24u);  // a thread's rows, from its first
const STEP = 8u;                            // vec4s per line of a tile

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

var<workgroup> dy_tile: array<vec4f, TILE * STEP>; // [row, o / 4]
var<workgroup> w_tile: array<vec4f, TILE * STEP>;  // [o, column / 4]

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let quads = params.width / 4u;
  let out_quads = params.out / 4u;
  let first_quad = group.x * SIDE;
  let first_row = group.y * TILE;

  var sums = mat4x4f(); // sums[i]: 4 columns of the thread's i-th row
  for (var start = 0u; start < params.out; start += TILE) {
    for (var slot = local.y * SIDE + local.x; slot < TILE * STEP; slot += SIDE * SIDE) {
      let line = slot / STEP;
      let quad = slot % STEP;
      dy_tile[slot] = vec4f(0.0);
      w_tile[slot] = vec4f(0.0);
      if (first_row + line < params.rows && start / 4u + quad < out_quads) {
        dy_tile[slot] = dy[(first_row + line) * out_quads + start / 4u + quad];
      }
      if (start + line < params.out && params.first + start + line < params.weight_rows && first_quad + quad < quads) {
        w_tile[slot] = weight4((params.first + start + line) * quads + first_quad + quad);
      }
    }
    workgroupBarrier();

    let dy_at = (local.y + OWN_LINES) * STEP;
    for (var o = 0u; o < STEP; o++) {
      let at = 4u * o * STEP + local.x;
      // Four rows of W as the columns of a matrix: it times four of dy is their sum, weighted by dy.
      let w = mat4x4f(w_tile[at], w_tile[at + STEP], w_tile[at + 2u * STEP], w_tile[at + 3u * STEP]);
      sums[0] += w * dy_tile[dy_at.x + o];
      sums[1] += w * dy_tile[dy_at.y + o];
      sums[2] += w * dy_tile[dy_at.z + o];
      sums[3] += w * dy_tile[dy_at.w + o];
    }
    workgroupBarrier();
  }

  let row = first_row + local.y + OWN_LINES;
  for (var i = 0u; i < 4u; i++) {
    if (row[i] < params.rows && first_quad + local.x < quads) {
      let at = row[i] * quads + first_quad + local.x;
      if (ACCUMULATE == 1u) {
        dx[at] += sums[i];
      } else {
        dx[at] = sums[i];
      }
    }
  }
}
