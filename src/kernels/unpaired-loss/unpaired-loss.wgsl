// Formula:   per example (loss, reward, gradient) = example_loss(example, h); batch loss = sum(loss) / counted. `example_loss`
//            comes from losses/<id>/loss.wgsl.
// Shapes:    rows f32 [examples, 2] (struct Example) -> results f32 [examples, 3] (struct ExampleLoss), partials f32 [groups, 3]
// Work:      one lane per example; each workgroup sums its lanes into one row of partials, whose column sums are batch means
// Numerics:  f32; log-ratios arrive ready. Gradient: computed in the same pass; over `counted` it is that of the batch loss

struct Params {
  examples: u32,
  counted: f32,   // divisors, at least 1: examples that count, wanted ones, unwanted ones
  wanted: f32,
  unwanted: f32,
  h: Hyperparameters,
}

@group(0) @binding(0) var<storage, read> rows: array<Example>;
@group(0) @binding(1) var<storage, read_write> results: array<ExampleLoss>;
@group(0) @binding(2) var<storage, read_write> partials: array<array<f32, 3>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // What this lane's example adds to loss, mean wanted reward, mean unwanted reward; lanes past the end add zero.
  var share = array<f32, 3>();
  if (id.x < params.examples) {
    let example = rows[id.x];
    let result = example_loss(example, params.h);
    results[id.x] = result;
    share = array<f32, 3>(
      result.loss / params.counted,
      select(0.0, result.reward / params.wanted, example.label == 1.0),
      select(0.0, result.reward / params.unwanted, example.label == 0.0),
    );
  }
  for (var column = 0u; column < 3u; column++) {
    let sum = workgroup_sum(share[column], lane);
    if (lane == 0u) {
      partials[group.x][column] = sum;
    }
  }
}
