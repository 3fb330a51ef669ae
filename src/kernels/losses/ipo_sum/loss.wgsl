// IPO on sequence sums: loss = (h_w - h_l - 1/(2 beta))^2,   d loss / d chosen = 2 (h_w - h_l - 1/(2 beta))

struct Hyperparameters {
  beta: f32,
}

fn pair_loss(pair: Pair, h: Hyperparameters) -> PairLoss {
  let error = pair.chosen_log_ratio - pair.rejected_log_ratio - 1.0 / (2.0 * h.beta);
  return PairLoss(error * error, implicit_rewards(pair, h.beta), gradients(2.0 * error, -2.0 * error));
}
