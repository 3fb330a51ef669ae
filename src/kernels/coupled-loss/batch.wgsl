// A batch of pairs whose losses act on one another: the rows, their order, and the link of the AOT losses.

// Columns of a row.
const POLICY_MARGIN: u32 = 0u;       // chosen minus rejected log-probability, under the policy
const REFERENCE_MARGIN: u32 = 1u;    // the same under the reference
const CHOSEN_LOG_RATIO: u32 = 2u;    // h_w
const REJECTED_LOG_RATIO: u32 = 3u;  // h_l

struct PairInBatch {
  loss: f32,      // the pair's share: the batch loss is the mean of these
  chosen: f32,    // d (batch loss) / d (summed log-probability)
  rejected: f32,
}

// (1 - e) softplus(-beta D) + e softplus(beta D).
fn logistic_loss(difference: f32, beta: f32, smoothing: f32) -> f32 {
  let z = beta * difference;
  return (1.0 - smoothing) * softplus(-z) + smoothing * softplus(z);
}

fn logistic_slope(difference: f32, beta: f32, smoothing: f32) -> f32 {
  let z = beta * difference;
  return beta * (smoothing * sigmoid(z) - (1.0 - smoothing) * sigmoid(-z));
}
