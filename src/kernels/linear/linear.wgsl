// Formula:   y[r, o] = Σ_i x[r, i] · W[o, i], or y += that when ACCUMULATE is 1 (residual stream, adapters)
// Shapes:    x f32 [rows, width], weights f32, f16 or bf16 [out, width] -> y f32 [rows, out]; width % 4 = 0
// Work:      8 × 8 threads make 32 × 32 elements of y, 4 × 4 each (see shared/products.wgsl, places.wgsl)
// Numerics:  f32 sums in the order of i, whatever the number of rows: a row does not depend on its batch
// Gradient:  linear-backward (dx = dy · W; W is frozen)
override ACCUMULATE: u32;

struct Params {
  rows: u32,
  out: u32,
  width: u32,
}

@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(SIDE, SIDE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let row = rows_of(group.y, local.xy, params.rows);
  let column = block_of(group.x, local.xy, params.rows) * TILE + local.x + OWN_LINES;
  var sums = products(row, column, params.rows, params.out, params.width / 4u, local.xy);

  for (var i = 0u; i < 4u; i++) {
    for (var j = 0u; j < 4u; j++) {
      if (row[i] < params.rows && column[j] < params.out) {
        let at = row[i] * params.out + column[j];
        if (ACCUMULATE == 1u) {
          y[at] += sums[i][j];
        } else {
          y[at] = sums[i][j];
        }
      }
    }
  }
}
