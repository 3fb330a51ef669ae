// Formula:   per pair (loss, gradients) = score_loss(pair, h), which comes from losses/<id>/loss.wgsl; batch loss = mean(loss)
// Shapes:    rows f32 [pairs, 3] (struct ScorePair) -> results f32 [pairs, 3] (struct ScoreLoss), partials f32 [groups, 3]
// Work:      one lane per pair; each workgroup sums its lanes into one row of partials, whose column sums are batch means
// Numerics:  f32; one subtraction of two scores
// Gradient:  computed in the same pass; over `count` it is that of the batch loss

struct Params {
  pairs: u32,
  count: f32,             // the same number, as the divisor
  reserved: vec2f,        // a struct in a uniform begins at a multiple of 16 bytes
  h: Hyperparameters,
}

@group(0) @binding(0) var<storage, read> rows: array<ScorePair>;
@group(0) @binding(1) var<storage, read_write> results: array<ScoreLoss>;
@group(0) @binding(2) var<storage, read_write> partials: array<array<f32, 3>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // What this lane's pair adds to loss, accuracy and margin; lanes past the end add zero.
  var share = array<f32, 3>();
  if (id.x < params.pairs) {
    let pair = rows[id.x];
    let result = score_loss(pair, params.h);
    let margin = pair.chosen - pair.rejected;
    results[id.x] = result;
    share = array<f32, 3>(
      result.loss / params.count,
      select(0.0, 1.0, margin > 0.0) / params.count,
      margin / params.count,
    );
  }
  for (var column = 0u; column < 3u; column++) {
    let sum = workgroup_sum(share[column], lane);
    if (lane == 0u) {
      partials[group.x][column] = sum;
    }
  }
}
