// TDPO-1: loss = -log sigmoid(beta ((h_w - h_l) - (K_l - K_w))); rewards beta (h + K).
// extra[0], extra[1]: sequence KLs K of the chosen, the rejected answer

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let log_ratio_margin = pair.chosen_log_ratio - pair.rejected_log_ratio;
  let kl_margin = pair.extra[0] - pair.extra[1];
  let z = h.beta * (log_ratio_margin + kl_margin);
  let slope = -h.beta * sigmoid(-z);
  let rewards = Rewards(
    h.beta * (pair.chosen_log_ratio + pair.extra[0]),
    h.beta * (pair.rejected_log_ratio + pair.extra[1]),
    z,
  );
  return PairLoss(softplus(-z), rewards, gradients_with(slope, -slope, slope, -slope));
}
