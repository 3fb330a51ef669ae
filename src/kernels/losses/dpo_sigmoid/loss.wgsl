// DPO: loss = -log sigmoid(beta (h_w - h_l)),   d loss / d chosen = -beta sigmoid(-z) = -(d loss / d rejected)

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio);
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
