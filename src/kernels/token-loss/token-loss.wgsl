// Formula:   per token (loss, gradients) = weight * token_loss(token, h), which comes from losses/<id>/loss.wgsl; batch loss = sum
// Shapes:    rows f32 [tokens, 8] (struct Token) -> results f32 [tokens, 4] (struct TokenLoss), partials f32 [groups, 2]
// Work:      one lane per token of any answer; each workgroup sums its lanes into one row of partials (loss, clipped share)
// Numerics:  f32; ratios from differences of single tokens, exponents held below 20
// Gradient:  computed in the same pass: results hold d(batch loss) / d(log-probability, value) of the token

struct Params {
  tokens: u32,
  count: f32,             // the same number, as the divisor
  reserved: vec2f,        // a struct in a uniform begins at a multiple of 16 bytes
  h: Hyperparameters,
}

@group(0) @binding(0) var<storage, read> rows: array<Token>;
@group(0) @binding(1) var<storage, read_write> results: array<TokenLoss>;
@group(0) @binding(2) var<storage, read_write> partials: array<array<f32, 2>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  // Lanes past the end add zero but still meet the barriers.
  var loss = 0.0;
  var clipped = 0.0;
  if (id.x < params.tokens) {
    let token = rows[id.x];
    let result = token_loss(token, params.h);
    loss = token.weight * result.loss;
    clipped = result.clipped / params.count;
    results[id.x] = TokenLoss(
      loss,
      token.weight * result.gradient,
      token.weight * result.value_gradient,
      result.clipped,
    );
  }
  let loss_sum = workgroup_sum(loss, lane);
  let clipped_sum = workgroup_sum(clipped, lane);
  if (lane == 0u) {
    partials[group.x] = array<f32, 2>(loss_sum, clipped_sum);
  }
}
