// Linear layer for few rows (decoding): y[r, o] = Σ_i x[r, i] · W[o, i], or y += that when ACCUMULATE is 1
// x f32 [rows, width] · W f32, f16 or bf16 [out, width] (see shared/weights-*.wgsl) · y f32 [rows, out]; width % 4 = 0
// Reading W is the cost: 8 neighbouring threads share one row of W and use each of its elements for 4 rows of x;
// a workgroup of 64 makes 8 columns of y for 4 rows. f32; a row's sums do not depend on which other rows are there.
// Gradient: linear-backward (dx = dy · W; W is frozen).
override ACCUMULATE: u32;

const LANES = 8u;          // threads that share one row of W
const COLUMNS = 8u;        // columns of y per workgroup
const ROWS = 4u;           // rows of y per workgroup

struct Params {
  rows: u32,
  out: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> partial_sums: array<vec4f, LANES * COLUMNS>;

@compute @workgroup_size(LANES, COLUMNS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let quads = params.width / 4u;
  let first_row = group.y * ROWS;
  let last_row = params.rows - 1u;
  // Rows past the end repeat the last one; their sums are not stored.
  let rows = min(vec4u(first_row, first_row + 1u, first_row + 2u, first_row + 3u), vec4u(last_row)) * quads;
  let column = group.x * COLUMNS + local.y;

  var sums = vec4f(0.0); // one per row
  if (column < params.out) {
    for (var i = local.x; i < quads; i += LANES) {
      let w = weight4(column * quads + i);
      sums += vec4f(dot(w, x[rows.x + i]), dot(w, x[rows.y + i]), dot(w, x[rows.z + i]), dot(w, x[rows.w + i]));
    }
  }
  partial_sums[lane] = sums;
  workgroupBarrier();

  // The first ROWS threads of each column add its LANES partial sums and store one row each.
  let row = first_row + local.x;
  if (local.x < ROWS && row < params.rows && column < params.out) {
    var total = 0.0;
    for (var i = 0u; i < LANES; i++) {
      total += partial_sums[local.y * LANES + i][local.x];
    }
    let at = row * params.out + column;
    if (ACCUMULATE == 1u) {
      y[at] += total;
    } else {
      y[at] = total;
    }
  }
}
