// Formula:   per pair (loss, rewards, gradients) = pair_loss(pair, h); batch loss = mean(loss) + nll_weight * NLL + constant,
//            NLL = -sum(chosen) / chosen_tokens. `pair_loss` comes from losses/<id>/loss.wgsl.
// Shapes:    rows f32 [pairs, 10] (struct Pair) -> results f32 [pairs, 10] (struct PairLoss), batch_gradients f32 [pairs, 2],
//            partials f32 [groups, 7]
// Work:      one lane per pair; each workgroup sums its lanes into one row of partials, whose column sums are batch means
// Numerics:  f32; log-ratios and lengths arrive ready, so nothing here subtracts two long sums
// Gradient:  computed in the same pass: batch_gradients is d(batch loss) / d(chosen, rejected)

struct Params {
  pairs: u32,
  nll_weight: f32,
  chosen_tokens: f32,
  constant: f32,
  h: Hyperparameters,
}

struct BatchGradients {
  chosen: f32,
  rejected: f32,
}

@group(0) @binding(0) var<storage, read> rows: array<Pair>;
@group(0) @binding(1) var<storage, read_write> results: array<PairLoss>;
@group(0) @binding(2) var<storage, read_write> batch_gradients: array<BatchGradients>;
@group(0) @binding(3) var<storage, read_write> partials: array<array<f32, 7>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // What this lane's pair adds to the batch means; lanes past the end add zero but still meet the barriers.
  var share = array<f32, 7>();
  if (id.x < params.pairs) {
    let pair = rows[id.x];
    let result = pair_loss(pair, params.h);
    let count = f32(params.pairs);
    let nll_slope = -params.nll_weight / params.chosen_tokens;

    results[id.x] = result;
    batch_gradients[id.x] = BatchGradients(
      result.gradients.chosen / count + nll_slope,
      result.gradients.rejected / count,
    );
    share = array<f32, 7>(
      (result.loss + params.constant) / count + nll_slope * pair.chosen,
      result.rewards.chosen / count,
      result.rewards.rejected / count,
      result.rewards.margin / count,
      select(0.0, 1.0, result.rewards.margin > 0.0) / count,
      pair.chosen / count,
      pair.rejected / count,
    );
  }
  for (var column = 0u; column < 7u; column++) {
    let sum = workgroup_sum(share[column], lane);
    if (lane == 0u) {
      partials[group.x][column] = sum;
    }
  }
}
