// Formula:   per column c: ranks[i, c] = number of rows that stand before row i in ascending order, sorted[ranks[i, c], c] = rows[i, c]
// Shapes:    rows f32 [pairs, 4] -> ranks u32 [pairs, 4], sorted f32 [pairs, 4]
// Work:      one lane per pair counts over the whole batch; ties keep the order of the rows, so that every rank occurs once
// Numerics:  comparisons and copies: exact
// Gradient:  none of its own; a loss hands the slope of a rank back to the row that holds it

struct Params {
  pairs: u32,
}

@group(0) @binding(0) var<storage, read> rows: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> ranks: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> sorted: array<array<f32, 4>>;
@group(0) @binding(3) var<uniform> params: Params;

override WORKGROUP_SIZE: u32 = 64;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.pairs) {
    return;
  }
  let mine = rows[id.x];
  var rank = vec4u(0u);
  for (var j = 0u; j < params.pairs; j++) {
    let other = rows[j];
    let before = (other < mine) | ((other == mine) & vec4<bool>(j < id.x));
    rank += select(vec4u(0u), vec4u(1u), before);
  }
  ranks[id.x] = rank;
  for (var column = 0u; column < 4u; column++) {
    sorted[rank[column]][column] = mine[column];
  }
}
