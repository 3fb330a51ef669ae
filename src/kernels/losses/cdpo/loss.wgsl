// cDPO: loss = (1-e) softplus(-z) + e softplus(z), z = beta (h_w - h_l);   d loss / dz = (1-e) (-sigmoid(-z)) + e sigmoid(z)

struct Hyperparameters {
  beta: f32,
  label_smoothing: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let epsilon = h.label_smoothing;
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let loss = (1.0 - epsilon) * softplus(-z) + epsilon * softplus(z);
  // The two tails are kept apart: sigmoid(z) - (1-e) would cancel where e is 0 and z is large.
  let slope = h.beta * (epsilon * sigmoid(z) - (1.0 - epsilon) * sigmoid(-z));
  return PairLoss(loss, implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
