// Linear layer: y[r, o] = Σ_i x[r, i] · W[o, i], or y += that when ACCUMULATE is 1 (residual stream, adapters)
// x f32 [rows, width] · W f32, f16 or bf16 [out, width] (see shared/weights-*.wgsl) · y f32 [rows, out]; width % 4 = 0
// A workgroup of 8 × 8 threads makes a 32 × 32 tile of y; x and W pass through workgroup memory 32 columns at a time;
// each thread keeps 4 × 4 sums. f32 sums in the order of i, whatever the number of rows.
// Gradient: linear-backward (dx = dy · W; W is frozen).
override ACCUMULATE: u32;

const TILE = 32u;          // rows and columns of y per workgroup
const SIDE = 8u;           // threads per side: each has TILE / SIDE = 4 rows and 4 columns, SIDE apart
const QUADS = 8u;          // vec4s of the inner dimension per step

struct Params {
  rows: u32,
  out: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> x_tile: array<vec4f, TILE * QUADS>;
var<workgroup> w_tile: array<vec4f, TILE * QUADS>;

@compute @workgroup_size(SIDE, SIDE)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let quads = params.width / 4u;
  let first_row = group.y * TILE;
  let first_column = group.x * TILE;
  var sums: array<vec4f, 4>; // sums[i][j]: row local.y + i · SIDE, column local.x + j · SIDE

  for (var start = 0u; start < quads; start += QUADS) {
    for (var slot = lane; slot < TILE * QUADS; slot += SIDE * SIDE) {
      let line = slot / QUADS;
      let quad = start + slot % QUADS;
      x_tile[slot] = vec4f(0.0);
      w_tile[slot] = vec4f(0.0);
      if (quad < quads && first_row + line < params.rows) {
        x_tile[slot] = x[(first_row + line) * quads + quad];
      }
      if (quad < quads && first_column + line < params.out) {
        w_tile[slot] = weight4((first_column + line) * quads + quad);
      }
    }
    workgroupBarrier();

    for (var k = 0u; k < QUADS; k++) {
      let w0 = w_tile[local.x * QUADS + k];
      let w1 = w_tile[(local.x + SIDE) * QUADS + k];
      let w2 = w_tile[(local.x + 2u * SIDE) * QUADS + k];
      let w3 = w_tile[(local.x + 3u * SIDE) * QUADS + k];
      for (var i = 0u; i < 4u; i++) {
        let a = x_tile[(local.y + i * SIDE) * QUADS + k];
        sums[i] += vec4f(dot(a, w0), dot(a, w1), dot(a, w2), dot(a, w3));
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < 4u; i++) {
    let row = first_row + local.y + i * SIDE;
    for (var j = 0u; j < 4u; j++) {
      let column = first_column + local.x + j * SIDE;
      if (row < params.rows && column < params.out) {
        let at = row * params.out + column;
        if (ACCUMULATE == 1u) {
          y[at] += sums[i][j];
        } else {
          y[at] = sums[i][j];
        }
      }
    }
  }
}
