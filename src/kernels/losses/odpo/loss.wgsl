// ODPO: loss = -log sigmoid(beta (h_w - h_l) - alpha log(s_w - s_l)).   extra[0]: s_w - s_l, positive

struct Hyperparameters {
  beta: f32,
  alpha: f32,
}

// The logarithm of a tiny gap would be a large negative offset.
const SMALLEST_GAP: f32 = 1e-3;

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let offset = h.alpha * log(max(pair.extra[0], SMALLEST_GAP));
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio) - offset;
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
