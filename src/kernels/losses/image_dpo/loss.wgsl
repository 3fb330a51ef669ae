// Image-DPO: loss = -log sigmoid(beta (h_w - h_i)).   extra[0]: h_i, the chosen text's log-ratio given the corrupted image

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let z = h.beta * (pair.chosen_log_ratio - pair.extra[0]);
  let slope = -h.beta * sigmoid(-z);
  let rewards = Rewards(h.beta * pair.chosen_log_ratio, h.beta * pair.extra[0], z);
  return PairLoss(softplus(-z), rewards, gradients_with(slope, 0.0, -slope, 0.0));
}
