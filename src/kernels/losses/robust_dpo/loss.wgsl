// Robust DPO: loss = [(1-e) softplus(-z) - e softplus(z)] / (1-2e) = softplus(-z) - z e/(1-2e), z = beta (h_w - h_l).
// The second form has no two large terms that cancel. The loss may be negative.

struct Hyperparameters {
  beta: f32,
  label_smoothing: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let flipped = h.label_smoothing / (1.0 - 2.0 * h.label_smoothing);
  let slope = -h.beta * (sigmoid(-z) + flipped);
  return PairLoss(softplus(-z) - flipped * z, implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
