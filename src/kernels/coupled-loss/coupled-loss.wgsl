// Formula:   per pair (loss, gradients) = pair_in_batch(pair, h), which comes from losses/<id>/loss.wgsl and may read all rows and
//            their order; batch loss = mean(loss)
// Shapes:    rows f32 [pairs, 4], ranks u32 [pairs, 4], sorted f32 [pairs, 4] -> results f32 [pairs, 3], partials f32 [groups, 1]
// Work:      one lane per pair; each workgroup sums its lanes into one number. Numerics: f32; differences arrive ready
// Gradient:  computed in the same pass: that of the batch loss, with what flows through sorting or means inside

struct Params {
  pairs: u32,
  count: f32,             // the same number, as the divisor
  reserved: vec2f,        // a struct in a uniform begins at a multiple of 16 bytes
  h: Hyperparameters,
}

@group(0) @binding(0) var<storage, read> rows: array<vec4f>;
@group(0) @binding(1) var<storage, read> ranks: array<vec4u>;
@group(0) @binding(2) var<storage, read> sorted: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> results: array<PairInBatch>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn rank_of(pair: u32, column: u32) -> u32 {
  return ranks[pair][column];
}

fn value_at_rank(rank: u32, column: u32) -> f32 {
  return sorted[rank][column];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // Lanes past the end add zero but still meet the barriers.
  var loss = 0.0;
  if (id.x < params.pairs) {
    let result = pair_in_batch(id.x, params.h);
    results[id.x] = result;
    loss = result.loss / params.count;
  }
  let sum = workgroup_sum(loss, lane);
  if (lane == 0u) {
    partials[group.x] = sum;
  }
}
