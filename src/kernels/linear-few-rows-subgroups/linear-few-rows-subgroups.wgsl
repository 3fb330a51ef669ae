// Formula:   y[r, o] = Σ_i x[r, i] · W[o, i], or y += that when ACCUMULATE is 1, as linear-few-rows
// Shapes:    x f32 [rows, width], weights f32, f16 or bf16 [out, width] -> y f32 [rows, out]; width % 4 = 0
// Work:      a subgroup shares one row of W, so its reads lie side by side, and adds its lanes without a barrier;
//            a workgroup of 64 makes 8 columns of y for 4 rows, whatever the subgroup size
// Numerics:  f32, lanes added in the device's order
// Gradient:  linear-backward (dx = dy · W; W is frozen)
override ACCUMULATE: u32;

const THREADS = 64u;
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

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_size) subgroup_size: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let quads = params.width / 4u;
  let first_row = group.y * ROWS;
  let last_row = params.rows - 1u;
  // Rows past the end repeat the last one; their sums are not stored.
  let rows = min(vec4u(first_row, first_row + 1u, first_row + 2u, first_row + 3u), vec4u(last_row)) * quads;

  // Subgroups are taken to be runs of neighbouring threads. WGSL does not promise it: the start-up self-check finds out.
  let lanes = min(subgroup_size, THREADS);
  let teams = THREADS / lanes;
  let team = thread / lanes;
  for (var turn = 0u; turn * teams < COLUMNS; turn++) {
    let slot = turn * teams + team;
    let column = group.x * COLUMNS + slot;
    let w_row = min(column, params.out - 1u) * quads;
    var sums = vec4f(0.0); // one per row
    for (var i = lane; i < quads; i += lanes) {
      let w = weight4(w_row + i);
      sums += vec4f(dot(w, x[rows.x + i]), dot(w, x[rows.y + i]), dot(w, x[rows.z + i]), dot(w, x[rows.w + i]));
    }
    let totals = subgroupAdd(sums);
    // The first ROWS lanes store one row each; WebGPU's smallest subgroup has 4.
    let row = first_row + lane;
    if (lane < ROWS && row < params.rows && slot < COLUMNS && column < params.out) {
      let at = row * params.out + column;
      if (ACCUMULATE == 1u) {
        y[at] += totals[lane];
      } else {
        y[at] = totals[lane];
      }
    }
  }
}
