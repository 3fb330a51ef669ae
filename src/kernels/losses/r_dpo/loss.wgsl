// R-DPO: loss = -log sigmoid(beta (h_w - h_l) + alpha (|y_w| - |y_l|)); the length term is not part of the reward

struct Hyperparameters {
  beta: f32,
  alpha: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let length_term = h.alpha * (pair.chosen_length - pair.rejected_length);
  let z = h.beta * (pair.chosen_log_ratio - pair.rejected_log_ratio) + length_term;
  let slope = -h.beta * sigmoid(-z);
  return PairLoss(softplus(-z), implicit_rewards(pair, h.beta), gradients(slope, -slope));
}
